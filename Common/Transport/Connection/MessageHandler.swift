import NIOCore

/// The tail of the pipeline: cuts plaintext into frames and hands them over one at a time, when asked.
///
/// At most one frame is decoded ahead. While it waits for its consumer nothing is read from the socket, so that a slow
/// consumer slows its peer down instead of filling memory. Confined to its channel's event loop.
final class MessageHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    /// A frame's message; nil at the peer's close_notify.
    typealias Reception = Result<ByteBuffer?, TransportError>

    private struct Waiter {
        let number: UInt64
        let resume: @Sendable (Reception) -> Void
    }

    private var limits: TransportLimits
    private var context: ChannelHandlerContext?
    private var decoder: FrameDecoder
    /// A whole frame that nobody has asked for yet.
    private var ready: ByteBuffer?
    private var waiter: Waiter?
    /// The number of a call that was cancelled, perhaps before it arrived here.
    private var cancelledCall: UInt64 = 0
    /// Why nothing more comes from the channel; frames that came before it are still handed over.
    private var inputEnd: Reception?
    /// What every further call is answered with.
    private var end: Reception?
    /// The first frame was handed over, and not yet accepted: the next one's limit isn't known.
    private var awaitsAcceptance = false
    private var isReadHeld = false
    private var deadline: Scheduled<Void>?
    /// Until when the frame that has begun must be whole, and how many bytes that was reckoned for.
    private var frameTimer: (scheduled: Scheduled<Void>, bytes: Int)?

    init(limits: TransportLimits) {
        self.limits = limits
        decoder = FrameDecoder(limit: min(limits.firstMessageBytes, limits.messageBytes))
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        endInput(.failure(.closed))
        self.context = nil
    }

    // MARK: From the consumer

    /// Asks for the next message.
    ///
    /// - Parameter number: counts the calls up from 1; only one may be open.
    func receive(_ number: UInt64, _ resume: @escaping @Sendable (Reception) -> Void) {
        precondition(waiter == nil, "one task receives at a time")
        guard number != cancelledCall else { return resume(.failure(.cancelled)) }
        waiter = Waiter(number: number, resume: resume)
        advance()
    }

    /// Answers a call with `.cancelled`, if it is still open.
    func cancelReceive(_ number: UInt64) {
        cancelledCall = number
        guard let waiter, waiter.number == number else { return }
        self.waiter = nil
        waiter.resume(.failure(.cancelled))
    }

    /// All messages are to be as small as the first: the peer has no certificate. Call before any was received.
    func keepFirstLimit() {
        limits.messageBytes = min(limits.firstMessageBytes, limits.messageBytes)
    }

    /// The first message was what it should be: from now on larger ones may come.
    func acceptFirst() {
        guard awaitsAcceptance else { return }
        awaitsAcceptance = false
        decoder.limit = limits.messageBytes
        advance()
    }

    /// A message was refused: nothing after it counts.
    func refuse(_ error: MessageError) {
        fail(.message(error))
    }

    /// Demands a whole message within a time, or nothing any more if it is nil. The next message meets the demand.
    func setDeadline(_ time: Duration?, awaiting awaited: String) {
        deadline?.cancel()
        deadline = nil
        guard let time, ready == nil, end == nil else { return }
        deadline = schedule(in: time) { handler in
            handler.fail(.deadlineExceeded(DeadlineExceeded(awaited: awaited, waited: time)))
        }
    }

    // MARK: From the channel

    func read(context: ChannelHandlerContext) {
        if isReading { context.read() } else { isReadHeld = true }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard end == nil else { return }
        decoder.append(unwrapInboundIn(data))
        advance()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { endInput(.success(nil)) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        endInput(.failure(TransportError(error)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        endInput(.failure(.closed))
        context.fireChannelInactive()
    }

    /// Gives up a peer that doesn't take what it is sent.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let time = limits.transferTime(unwrapOutboundIn(data).readableBytes)
        let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
        let timer = schedule(in: time) { handler in
            handler.fail(.deadlineExceeded(DeadlineExceeded(awaited: "readiness to take our message", waited: time)))
            handler.context?.close(promise: nil)
        }
        promise.futureResult.assumeIsolated().whenComplete { _ in timer?.cancel() }
        context.write(data, promise: promise)
    }

    // MARK: Between

    private func advance() {
        decode()
        if let waiter, let frame = ready {
            ready = nil
            self.waiter = nil
            awaitsAcceptance = decoder.limit < limits.messageBytes
            waiter.resume(.success(frame))
            decode()
        }
        if let waiter, let end, ready == nil {
            self.waiter = nil
            waiter.resume(end)
        }
        if isReadHeld, isReading {
            isReadHeld = false
            context?.read()
        }
    }

    private var isReading: Bool { ready == nil && end == nil && !awaitsAcceptance }

    private func decode() {
        guard isReading else { return }
        do throws(FrameError) {
            ready = try decoder.next()
            if ready != nil {
                deadline?.cancel()
                frameTimer?.scheduled.cancel()
                frameTimer = nil
            } else if let inputEnd {
                if mayTruncate(inputEnd) { try decoder.finish() }
                finish(inputEnd)
            } else if !decoder.isEmpty {
                startFrameTimer()
            }
        } catch {
            fail(.frame(error))
        }
    }

    /// Whether this end explains a frame's missing rest no better than the missing rest itself.
    private func mayTruncate(_ reason: Reception) -> Bool {
        switch reason {
        case .success: true
        case .failure(.tls(let error)): error.code == .closedWithoutNotify
        case .failure: false
        }
    }

    /// A frame has begun: it must be whole in time, lest a peer hold a connection by a byte a minute.
    private func startFrameTimer() {
        let bytes = decoder.neededBytes
        guard bytes > frameTimer?.bytes ?? 0 else { return }
        frameTimer?.scheduled.cancel()
        let time = limits.transferTime(bytes)
        let timer = schedule(in: time) { handler in
            handler.fail(.deadlineExceeded(DeadlineExceeded(awaited: "end of a frame of \(bytes) bytes", waited: time)))
        }
        frameTimer = timer.map { ($0, bytes) }
    }

    private func endInput(_ reason: Reception) {
        guard inputEnd == nil else { return }
        inputEnd = reason
        advance()
    }

    private func fail(_ error: TransportError) {
        finish(.failure(error))
        advance()
    }

    private func finish(_ reason: Reception) {
        guard end == nil else { return }
        end = reason
        deadline?.cancel()
        frameTimer?.scheduled.cancel()
        frameTimer = nil
    }

    private func schedule(in time: Duration, _ action: @escaping (MessageHandler) -> Void) -> Scheduled<Void>? {
        context.map { context in
            context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) { [weak self] in
                if let self { action(self) }
            }
        }
    }
}

/// All of its state belongs to its channel's event loop.
@available(*, unavailable)
extension MessageHandler: Sendable {}
