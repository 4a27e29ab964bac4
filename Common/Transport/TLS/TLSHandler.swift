import NIOCore

/// TLS in a channel's pipeline: ciphertext towards the socket, plaintext towards the tail.
///
/// Writes are encrypted as they come and carry their promise to the socket, so that the channel's own back-pressure
/// holds; nothing is queued here. Whoever calls back into this handler while it fires an event finds the state that
/// belongs to that event: every step decides first, and fires last.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// The channel isn't active yet.
        case idle
        /// Until the timer fires.
        case handshaking(Scheduled<Void>)
        case active
        /// Our last record is sent. What comes is dropped until the peer closes too, for a socket closed over unread
        /// bytes is reset, and the peer would lose what we said last.
        case closing(Closing)
        case closed
    }

    private struct Closing {
        let timer: Scheduled<Void>
        let done: EventLoopPromise<Void>
        /// The TLS stream is whole, so that the peer's close_notify can be read.
        let awaitsNotify: Bool
    }

    private let engine: TLSEngine
    private let limits: TransportLimits
    private var state = State.idle
    private var established: EventLoopPromise<TLSEngine.Session>?
    /// Bytes that libssl wrote of its own accord, answers to a KeyUpdate above all, and that the socket hasn't taken.
    private var unsentReplies = 0
    private var isReadHeld = false

    /// Nothing more is read from a peer that doesn't take this many bytes of replies: it would have us keep one of them
    /// for each KeyUpdate that it sends.
    static let maximumUnsentReplies = 16 << 10

    /// An outbound event that closes the socket at once, as ``abort(context:)`` does.
    struct Abort: Sendable {}

    /// - Parameter established: succeeds once, or fails with a ``TransportError``.
    init(
        context: TLSContext, serverName: String?, limits: TransportLimits,
        established: EventLoopPromise<TLSEngine.Session>
    ) throws(TLSError) {
        engine = try TLSEngine(context: context, serverName: serverName)
        self.limits = limits
        self.established = established
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        failHandshake(.closed)
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch state {
        case .idle, .closed: break
        case .handshaking(let timer):
            timer.cancel()
            state = .closed
            failHandshake(.tls(TLSError(.closedInHandshake, "the peer closed the connection during the handshake")))
        case .active:
            state = .closed
            context.fireErrorCaught(
                TransportError.tls(TLSError(.closedWithoutNotify, "the connection ended without close_notify")))
        case .closing(let closing):
            closing.timer.cancel()
            state = .closed
            closing.done.succeed()
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch state {
        case .handshaking:
            fail(context, .io(String(describing: error)))
        case .active: context.fireErrorCaught(TransportError(error))
        case .idle, .closing, .closed: break
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is Abort else { return context.triggerUserOutboundEvent(event, promise: promise) }
        abort(context: context)
        promise?.succeed()
    }

    /// Closes the socket at once: no close_notify, nothing flushed.
    func abort(context: ChannelHandlerContext) {
        switch state {
        case .handshaking(let timer): timer.cancel()
        case .closing(let closing):
            finishClosing(context, closing)
            return
        case .idle, .active, .closed: break
        }
        state = .closed
        failHandshake(.closed)
        context.close(promise: nil)
    }

    // MARK: Handshake

    private func begin(_ context: ChannelHandlerContext) {
        guard case .idle = state else { return }
        let timeout = limits.handshakeTimeout
        state = .handshaking(
            context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
                self.fail(
                    context,
                    .tls(TLSError(.handshakeTimedOut, "the peer didn't finish the handshake within \(timeout)")))
            })
        advanceHandshake(context)
    }

    private func advanceHandshake(_ context: ChannelHandlerContext) {
        guard case .handshaking(let timer) = state else { return }
        do throws(TLSError) {
            guard try engine.handshake() else { return sendOutput(context) }
            let session = try engine.session()
            timer.cancel()
            state = .active
            sendOutput(context)
            established?.succeed(session)
            established = nil
        } catch {
            return fail(context, .tls(error))
        }
        readPlaintext(context)
    }

    private func failHandshake(_ error: TransportError) {
        established?.fail(error)
        established = nil
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .handshaking:
            engine.receive(unwrapInboundIn(data))
            advanceHandshake(context)
        case .active:
            engine.receive(unwrapInboundIn(data))
            readPlaintext(context)
        case .closing(let closing) where closing.awaitsNotify:
            engine.receive(unwrapInboundIn(data))
            var dropped = ByteBuffer()
            if (try? engine.read(into: &dropped)) != .needsMoreBytes { finishClosing(context, closing) }
        case .idle, .closing, .closed: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if case .closing = state { context.read() }  // the tail may hold its reads back
    }

    func read(context: ChannelHandlerContext) {
        if unsentReplies > Self.maximumUnsentReplies { isReadHeld = true } else { context.read() }
    }

    private func readPlaintext(_ context: ChannelHandlerContext) {
        var plaintext = ByteBuffer()
        let outcome = Result { () throws(TLSError) in try engine.read(into: &plaintext) }
        sendReplies(context)
        if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
        guard case .active = state else { return }
        switch outcome {
        case .success(.needsMoreBytes): break
        case .success(.closedByPeer):
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            answerClose(context)
        case .failure(let error): fail(context, .tls(error))
        }
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .active = state else {
            promise?.fail(TransportError.closed)
            return
        }
        do throws(TLSError) {
            try engine.write(unwrapOutboundIn(data))
        } catch {
            promise?.fail(TransportError.tls(error))
            return fail(context, .tls(error))
        }
        guard let output = engine.takeOutput() else {
            promise?.succeed()
            return
        }
        context.write(wrapOutboundOut(output), promise: promise)
    }

    private func sendOutput(_ context: ChannelHandlerContext) {
        guard let output = engine.takeOutput() else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    }

    private func sendReplies(_ context: ChannelHandlerContext) {
        guard let output = engine.takeOutput() else { return }
        let count = output.readableBytes
        unsentReplies += count
        context.writeAndFlush(wrapOutboundOut(output)).assumeIsolated().whenComplete { _ in
            self.unsentReplies -= count
            guard self.isReadHeld, self.unsentReplies <= Self.maximumUnsentReplies else { return }
            self.isReadHeld = false
            context.read()
        }
    }

    // MARK: Closing

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        switch state {
        case .active:
            engine.shutdown()
            let closing = beginClosing(context, awaitsNotify: true)
            closing.done.futureResult.cascade(to: promise)
            sendOutput(context)
            context.read()
        case .closing(let closing): closing.done.futureResult.cascade(to: promise)
        case .handshaking(let timer):
            timer.cancel()
            state = .closed
            failHandshake(.closed)
            context.close(promise: promise)
        case .idle, .closed:
            state = .closed
            context.close(promise: promise)
        }
    }

    /// The peer closed first: our close_notify, then the socket.
    private func answerClose(_ context: ChannelHandlerContext) {
        guard case .active = state else { return }
        engine.shutdown()
        let closing = beginClosing(context, awaitsNotify: false)
        guard let output = engine.takeOutput() else { return finishClosing(context, closing) }
        context.writeAndFlush(wrapOutboundOut(output)).assumeIsolated().whenComplete { _ in
            self.finishClosing(context, closing)
        }
    }

    /// TLS is over: tells this side why, and the peer by libssl's alert.
    private func fail(_ context: ChannelHandlerContext, _ error: TransportError) {
        let wasActive: Bool
        switch state {
        case .handshaking(let timer):
            timer.cancel()
            wasActive = false
        case .active: wasActive = true
        case .idle, .closing, .closed: return
        }
        _ = beginClosing(context, awaitsNotify: false)
        sendOutput(context)
        context.close(mode: .output, promise: nil)
        context.read()
        if wasActive { context.fireErrorCaught(error) } else { failHandshake(error) }
    }

    private func beginClosing(_ context: ChannelHandlerContext, awaitsNotify: Bool) -> Closing {
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limits.closeTimeout)) {
            if case .closing(let closing) = self.state { self.finishClosing(context, closing) }
        }
        let closing = Closing(
            timer: timer, done: context.eventLoop.makePromise(of: Void.self), awaitsNotify: awaitsNotify)
        state = .closing(closing)
        return closing
    }

    private func finishClosing(_ context: ChannelHandlerContext, _ closing: Closing) {
        guard case .closing = state else { return }
        closing.timer.cancel()
        state = .closed
        context.close(promise: nil)
        closing.done.succeed()
    }
}

/// As with the other handlers of this module, all of its state belongs to its channel's event loop.
@available(*, unavailable)
extension TLSHandler: Sendable {}
