package import NIOCore
import NIOPosix

/// Opens connections to verifiers.
package enum AssayDialer {
    /// Connects, finishes the handshake and checks the verifier's certificate.
    ///
    /// - Parameters:
    ///   - serverName: the DNS name or IP address that the certificate must name; `host` if nil.
    ///   - group: whose event loop the connection lives on.
    ///   - limits: for one that waits to be challenged, `firstMessageTimeout` is nil.
    package static func connect(
        host: String, port: Int, context: TLSContext, serverName: String? = nil, group: any EventLoopGroup,
        limits: TransportLimits = .dialing
    ) async throws(TransportError) -> AgentConnection {
        do {
            let established: EventLoopFuture<AgentConnection> = try await ClientBootstrap(group: group)
                .connectTimeout(TimeAmount(limits.handshakeTimeout))
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try Pipeline.establish(
                            on: channel, context: context, serverName: serverName ?? host, limits: limits)
                    }
                }
            return try await established.get()
        } catch {
            throw TransportError(error)
        }
    }
}

extension TransportLimits {
    /// The defaults of the side that dials: the verifier may take its time before the first Challenge.
    package static var dialing: TransportLimits {
        var limits = TransportLimits()
        limits.firstMessageTimeout = nil
        return limits
    }
}
