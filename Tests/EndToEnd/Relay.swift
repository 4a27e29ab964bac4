import NIOCore
import NIOPosix
import Synchronization

/// A way between an agent and a verifier that a test can block in the middle of a transfer: with it, "in mid-transfer"
/// is a place and no matter of luck.
final class Relay: Sendable {
    private struct State {
        var target: Int
        var limit: Int?
        var isBlocked = false
        /// Whether a connection that meets its limit ends there.
        var cuts = false
    }

    private let state: Mutex<State>
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    private init(target: Int) {
        state = Mutex(State(target: target))
    }

    /// Passes what comes to a free port of 127.0.0.1 on to another.
    static func start(to port: Int) async throws -> Relay {
        let relay = Relay(target: port)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { agent in relay.join(agent) }
            .bind(host: "127.0.0.1", port: 0).get()
        relay.channel.withLock { $0 = channel }
        return relay
    }

    /// Where agents dial.
    var port: Int { channel.withLock { $0?.localAddress?.port } ?? 0 }

    /// Whether a connection has met its limit.
    var isBlocked: Bool { state.withLock { $0.isBlocked } }

    /// Passes so many bytes of each agent on, and swallows the rest, or ends the connection; nil passes all.
    func limit(_ bytes: Int?, cuts: Bool = false) {
        state.withLock { state in
            state.limit = bytes
            state.isBlocked = false
            state.cuts = cuts
        }
    }

    /// Leads new connections elsewhere.
    func lead(to port: Int) {
        state.withLock { $0.target = port }
    }

    func stop() async {
        try? await channel.withLock { $0 }?.close().get()
    }

    private func join(_ agent: any Channel) -> EventLoopFuture<Void> {
        let target = state.withLock { $0.target }
        return ClientBootstrap(group: agent.eventLoop)
            .channelInitializer { verifier in
                verifier.eventLoop.makeCompletedFuture {
                    try verifier.pipeline.syncOperations.addHandler(Passage(to: agent, admits: { $0 }))
                }
            }
            .connect(host: "127.0.0.1", port: target)
            .flatMapThrowing { verifier in
                var passed = 0
                try agent.pipeline.syncOperations.addHandler(
                    Passage(
                        to: verifier,
                        admits: { count in
                            let admitted = self.admit(count, after: passed)
                            passed += admitted
                            return admitted
                        }, ends: { self.state.withLock(\.cuts) }))
                agent.setOption(.autoRead, value: true).whenComplete { _ in }
            }
            .flatMapErrorThrowing { error in
                agent.close(promise: nil)
                throw error
            }
    }

    private func admit(_ count: Int, after passed: Int) -> Int {
        state.withLock { state in
            guard let limit = state.limit, passed + count > limit else { return count }
            state.isBlocked = true
            return max(0, limit - passed)
        }
    }

    /// One direction: what comes on one channel goes out on the other, which ends with it.
    private final class Passage: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel
        private let admits: (Int) -> Int
        private let ends: () -> Bool

        init(to other: any Channel, admits: @escaping (Int) -> Int, ends: @escaping () -> Bool = { false }) {
            self.other = other
            self.admits = admits
            self.ends = ends
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            let count = bytes.readableBytes
            guard let admitted = bytes.readSlice(length: admits(count)) else { return }
            let written = other.eventLoop.makePromise(of: Void.self)
            if admitted.readableBytes > 0 { other.writeAndFlush(admitted, promise: written) } else { written.succeed() }
            guard admitted.readableBytes < count, ends() else { return }
            let agent = context.channel
            written.futureResult.whenComplete { _ in agent.close(promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
