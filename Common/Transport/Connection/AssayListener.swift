package import NIOCore
import NIOPosix

/// Accepts agents' connections, until it is closed.
package final class AssayListener: Sendable {
    /// Told of each connection that never came to be: the peer's address, and why. Called on an event loop.
    package typealias FailureReport = @Sendable (_ address: String, _ error: TransportError) -> Void

    /// Where it listens, with the port that was chosen if 0 was asked for.
    package let address: SocketAddress
    /// Established connections, in the order in which their handshakes finished; ends when the listener is closed. For
    /// one consumer, which should hand each on at once. Leaving it closes what comes after.
    package let connections: AsyncStream<VerifierConnection>

    private let channel: any Channel

    private init(channel: any Channel, address: SocketAddress, connections: AsyncStream<VerifierConnection>) {
        self.channel = channel
        self.address = address
        self.connections = connections
    }

    /// The port that is listened on.
    package var port: Int { address.port ?? 0 }

    /// Whether connections are still accepted.
    package var isListening: Bool { channel.isActive }

    /// Listens.
    ///
    /// Handshakes run side by side; one that fails is reported and harms nobody else. For peers that haven't proved who
    /// they are there is room for `limits.maximumStrangers`.
    ///
    /// - Parameters:
    ///   - port: 0 lets the operating system choose.
    ///   - context: asked for each connection, so that a renewed certificate counts for the next one.
    ///   - group: whose event loops the connections live on.
    /// - Throws: `.io` if the address can't be bound.
    package static func bind(
        host: String, port: Int, context: @escaping @Sendable () -> TLSContext, group: any EventLoopGroup,
        limits: TransportLimits = TransportLimits(), onCrowding: @escaping CrowdingReport = { _ in },
        onFailure: @escaping FailureReport = { _, _ in }
    ) async throws(TransportError) -> AssayListener {
        let (connections, continuation) = AsyncStream.makeStream(of: VerifierConnection.self)
        let loop = group.next()
        do {
            let gate = try await loop.submit {
                NIOLoopBound(AcceptGate(limits: limits, onCrowding: onCrowding), eventLoop: loop)
            }.get()
            let channel = try await ServerBootstrap(group: loop, childGroup: group)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                // The gate is asked before each one.
                .serverChannelOption(.maxMessagesPerRead, value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(gate.value)
                    }
                }
                .childChannelOption(.socketOption(.so_keepalive), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    let address = channel.remoteAddress?.shortDescription ?? "unknown"
                    return begin(channel, context(), limits) {
                        loop.execute { gate.value.hear(channel) }
                    } onAdmission: {
                        loop.execute { gate.value.admit(channel) }
                    } ended: { result in
                        deliver(result, from: address, to: continuation, onFailure)
                    }
                }
                .bind(host: host, port: port).get()
            channel.closeFuture.whenComplete { _ in continuation.finish() }
            guard let address = channel.localAddress else { throw TransportError.io("no local address") }
            return AssayListener(channel: channel, address: address, connections: connections)
        } catch {
            continuation.finish()
            throw TransportError(error)
        }
    }

    /// Stops listening. Connections that were established live on.
    package func close() async {
        try? await channel.close().get()
    }

    private static func begin(
        _ channel: any Channel, _ context: TLSContext, _ limits: TransportLimits,
        onFirstBytes: @escaping @Sendable () -> Void, onAdmission: @escaping @Sendable () -> Void,
        ended: @escaping @Sendable (Result<VerifierConnection, any Error>) -> Void
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            do {
                try channel.pipeline.syncOperations.addHandler(FirstBytes(onFirstBytes))
                let established: EventLoopFuture<VerifierConnection> = try Pipeline.establish(
                    on: channel, context: context, serverName: nil, limits: limits, onAdmission: onAdmission)
                established.whenComplete(ended)
            } catch {
                ended(.failure(error))
                throw error
            }
        }
    }

    private static func deliver(
        _ result: Result<VerifierConnection, any Error>, from address: String,
        to continuation: AsyncStream<VerifierConnection>.Continuation, _ onFailure: FailureReport
    ) {
        switch result {
        case .success(let connection):
            if case .terminated = continuation.yield(connection) { connection.abort() }
        case .failure(let error):
            let error = TransportError(error)
            // This side has closed it, and told why where it did.
            if error != .closed { onFailure(address, error) }
        }
    }
}
