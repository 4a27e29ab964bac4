import Messages
import NIOCore

/// Builds the pipeline of a new channel: TLS, then frames; both sides are the same but for their messages.
enum Pipeline {
    /// What a connection talks to, on its event loop.
    struct Handlers {
        let tls: TLSHandler
        let messages: MessageHandler
        let context: ChannelHandlerContext

        func abort() { tls.abort(context: context) }
    }

    /// Begins the handshake of a channel that is being set up. Call on its event loop.
    ///
    /// - Parameter onAdmission: told on any thread, perhaps more than once, that the peer has proved who it is.
    /// - Returns: the connection once the handshake is finished and the peer has an identity; else a
    ///   ``TransportError``, and the channel closes.
    static func establish<Inbound, Outbound>(
        on channel: any Channel, context: TLSContext, serverName: String?, limits: TransportLimits,
        onAdmission: @escaping @Sendable () -> Void = {}
    ) throws -> EventLoopFuture<Connection<Inbound, Outbound>> {
        let established = channel.eventLoop.makePromise(of: TLSEngine.Session.self)
        let messages = MessageHandler(limits: limits)
        let handlers: NIOLoopBound<Handlers>
        do {
            let tls = try TLSHandler(context: context, serverName: serverName, limits: limits, established: established)
            try channel.pipeline.syncOperations.addHandlers(tls, messages)
            handlers = NIOLoopBound(
                Handlers(
                    tls: tls, messages: messages, context: try channel.pipeline.syncOperations.context(handler: tls)),
                eventLoop: channel.eventLoop)
        } catch {
            established.fail(error)
            throw error
        }
        return established.futureResult.flatMapThrowing { session in
            do throws(TLSError) {
                // The dialing side's socket has no peer yet when the channel is set up.
                let address = channel.remoteAddress?.shortDescription ?? "unknown"
                let peer = try PeerInfo(session, of: context, address: address)
                if peer.applicationProtocol == .join { handlers.value.messages.keepFirstLimit() }
                handlers.value.messages.setDeadline(limits.firstMessageTimeout, awaiting: "first message")
                return Connection(
                    peer: peer, channel: channel, handlers: handlers, limits: limits, onAdmission: onAdmission)
            } catch {
                refuse(channel, Outbound.status(error.status), limits)
                throw TransportError.tls(error)
            }
        }
    }

    /// The handshake went well, so that the peer can be told in words why it is refused.
    private static func refuse(_ channel: any Channel, _ message: some WireMessage, _ limits: TransportLimits) {
        if let frame = try? message.frame(limit: limits.messageBytes) { channel.writeAndFlush(frame, promise: nil) }
        channel.close(promise: nil)
    }
}

extension SocketAddress {
    /// Such as `192.0.2.1:40112` or `[2001:db8::1]:40112`.
    var shortDescription: String {
        guard let ipAddress else { return description }
        return (ipAddress.contains(":") ? "[\(ipAddress)]" : ipAddress) + (port.map { ":\($0)" } ?? "")
    }
}
