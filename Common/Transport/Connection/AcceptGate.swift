import NIOCore

/// Stops accepting while too many handshakes are in flight or too many connections are open; the rest wait in the
/// kernel's backlog. Sits on the listening channel and is confined to its event loop.
final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private let maximumHandshakes: Int
    private let maximumConnections: Int
    private var handshakes = 0
    private var connections = 0
    private var isReadHeld = false
    private var context: ChannelHandlerContext?

    init(limits: TransportLimits) {
        maximumHandshakes = limits.maximumHandshakes
        maximumConnections = limits.maximumConnections
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func read(context: ChannelHandlerContext) {
        if isOpen { context.read() } else { isReadHeld = true }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        handshakes += 1
        connections += 1
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        unwrapInboundIn(data).closeFuture.hop(to: context.eventLoop).whenComplete { _ in
            gate.value.connections -= 1
            gate.value.resume()
        }
        context.fireChannelRead(data)
    }

    /// A handshake succeeded or failed.
    func handshakeEnded() {
        handshakes -= 1
        resume()
    }

    private var isOpen: Bool { handshakes < maximumHandshakes && connections < maximumConnections }

    private func resume() {
        guard isReadHeld, isOpen else { return }
        isReadHeld = false
        context?.read()
    }
}

/// All of its state belongs to its channel's event loop.
@available(*, unavailable)
extension AcceptGate: Sendable {}
