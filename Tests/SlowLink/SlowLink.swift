package import NIOCore
import NIOPosix
import Synchronization

/// A way between two processes that is as slow and as far as a wide-area link: each direction passes so many bits a
/// second, and each byte arrives half a round trip after it left.
package final class SlowLink: Sendable {
    private let channel: any Channel
    private let counter: Counter

    /// - Parameters:
    ///   - port: of 127.0.0.1, where the link leads.
    ///   - bitsPerSecond: of each direction.
    package init(to port: Int, roundTrip: TimeAmount, bitsPerSecond: Double) async throws {
        let oneWay = TimeAmount.nanoseconds(roundTrip.nanoseconds / 2)
        let count = Counter()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { near in
                ClientBootstrap(group: near.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .channelInitializer { far in
                        far.eventLoop.makeCompletedFuture {
                            let down = Passage(
                                from: far, to: near, oneWay: oneWay, bitsPerSecond: bitsPerSecond
                            ) { _ in }
                            try far.pipeline.syncOperations.addHandler(down)
                        }
                    }
                    .connect(host: "127.0.0.1", port: port)
                    .flatMapThrowing { far in
                        let up = Passage(from: near, to: far, oneWay: oneWay, bitsPerSecond: bitsPerSecond) {
                            count.add($0)
                        }
                        try near.pipeline.syncOperations.addHandler(up)
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        counter = count
    }

    /// Where to dial.
    package var port: Int { channel.localAddress?.port ?? 0 }

    /// Bytes that went from who dials to where the link leads.
    package var bytesSent: Int { counter.value }

    package func close() async { try? await channel.close().get() }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func add(_ more: Int) { count.withLock { $0 += more } }
    }

    /// One direction.
    private final class Passage: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let source: any Channel
        private let target: any Channel
        private let oneWay: TimeAmount
        private let bytesPerNanosecond: Double
        private let passed: (Int) -> Void
        /// When the last byte that came has left.
        private var freeAt = NIODeadline.uptimeNanoseconds(0)
        /// Bytes that have come and not left: what a router's queue holds.
        private var queued = 0
        private var isWaiting = false

        private static let queueLimit = 1 << 20

        init(
            from source: any Channel, to target: any Channel, oneWay: TimeAmount, bitsPerSecond: Double,
            passed: @escaping (Int) -> Void
        ) {
            self.source = source
            self.target = target
            self.oneWay = oneWay
            bytesPerNanosecond = bitsPerSecond / 8 / 1e9
            self.passed = passed
        }

        func channelActive(context: ChannelHandlerContext) { context.read() }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            let count = bytes.readableBytes
            passed(count)
            queued += count
            let now = NIODeadline.now()
            freeAt = max(freeAt, now) + .nanoseconds(Int64(Double(count) / bytesPerNanosecond))
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(deadline: freeAt) { bound.value.left(count) }
            let target = target
            context.eventLoop.scheduleTask(deadline: freeAt + oneWay) { target.writeAndFlush(bytes, promise: nil) }
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            isWaiting = queued >= Self.queueLimit
            if !isWaiting { context.read() }
        }

        private func left(_ count: Int) {
            queued -= count
            guard isWaiting, queued < Self.queueLimit else { return }
            isWaiting = false
            source.read()
        }

        func channelInactive(context: ChannelHandlerContext) {
            let target = target
            context.eventLoop.scheduleTask(deadline: max(freeAt, .now()) + oneWay) { target.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
