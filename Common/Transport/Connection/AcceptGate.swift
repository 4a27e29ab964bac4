import Glibc
import NIOCore

/// Bounds what a listener takes upon itself for strangers: peers that haven't proved who they are. Sits on the listening
/// channel and is confined to its event loop.
///
/// Where there is no room for one more, the oldest stranger goes: of its own source if that has its share, else of all. A
/// stranger that has only just come is left alone, the longer if it has begun to speak; meanwhile the others wait in the
/// kernel's backlog, and of a source that has its share the newest goes. Connections whose peers are known are never
/// closed; when there are too many, the rest waits, too.
final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private struct Stranger {
        let channel: any Channel
        let source: PeerSource
        /// Counts arrivals up.
        let number: UInt64
        let arrival: NIODeadline
        /// From when on it may be closed to make room.
        var ripe: NIODeadline
    }

    private let limits: TransportLimits
    private let onCrowding: CrowdingReport
    private var strangers: [ObjectIdentifier: Stranger] = [:]
    private var arrivals: UInt64 = 0
    private var connections = 0
    private var isReadHeld = false
    private var timer: Scheduled<Void>?
    /// Until when nothing is accepted, for the operating system has no descriptor left.
    private var pause: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    init(limits: TransportLimits, onCrowding: @escaping CrowdingReport) {
        self.limits = limits
        self.onCrowding = onCrowding
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        pause?.cancel()
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        if makeRoom(context) { context.read() } else { isReadHeld = true }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = unwrapInboundIn(data)
        let source = PeerSource(channel.remoteAddress)
        let isWelcome = makeRoom(for: source, context)
        connections += 1
        arrivals += 1
        let key = ObjectIdentifier(channel)
        if isWelcome {
            let now = context.eventLoop.now
            strangers[key] = Stranger(
                channel: channel, source: source, number: arrivals, arrival: now,
                ripe: now + TimeAmount(limits.silentGrace))
        }
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        channel.closeFuture.hop(to: context.eventLoop).whenComplete { _ in
            gate.value.connections -= 1
            gate.value.strangers[key] = nil
            gate.value.resume()
        }
        if isWelcome { context.fireChannelRead(data) } else { channel.close(promise: nil) }
    }

    /// The operating system has no descriptor, or no memory, for one more. The one that is waiting stays in the backlog
    /// and would be offered again at once, for ever.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let exhaustion = [EMFILE, ENFILE, ENOBUFS, ENOMEM]
        guard let number = (error as? IOError)?.errnoCode, exhaustion.contains(number), pause == nil else {
            return context.fireErrorCaught(error)
        }
        onCrowding(.descriptors)
        if let oldest = oldestRipe(in: context) { drop(oldest) }
        // Not by holding reads back: the channel goes on with a read that has failed, without asking.
        setAutoRead(false, context)
        pause = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limits.exhaustionPause)) {
            self.pause = nil
            self.setAutoRead(true, context)
            self.resume()
        }
    }

    /// A peer's first bytes have come.
    func hear(_ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        guard let arrival = strangers[key]?.arrival else { return }
        strangers[key]?.ripe = arrival + TimeAmount(limits.strangerGrace)
    }

    /// A peer has proved who it is.
    func admit(_ channel: any Channel) {
        guard strangers.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return }
        resume()
    }

    /// Whether one more may be accepted; if need be, the oldest stranger goes.
    private func makeRoom(_ context: ChannelHandlerContext) -> Bool {
        guard pause == nil else { return false }
        let hasRoom = connections < limits.maximumConnections
        guard !hasRoom || strangers.count >= limits.maximumStrangers else { return true }
        onCrowding(hasRoom ? .strangers : .connections(limits.maximumConnections))
        guard let oldest = oldestRipe(in: context) else {
            waitForRipeness(context)
            return false
        }
        drop(oldest)
        return hasRoom && strangers.count < limits.maximumStrangers  // else there is room once it is closed
    }

    /// Whether one more of a source may come in; if need be, its oldest goes.
    private func makeRoom(for source: PeerSource, _ context: ChannelHandlerContext) -> Bool {
        guard strangers.values.count(where: { $0.source == source }) >= limits.maximumStrangersOfSource else {
            return true
        }
        onCrowding(.source(source))
        guard let oldest = oldestRipe(of: source, in: context) else { return false }
        drop(oldest)
        return true
    }

    private func oldestRipe(of source: PeerSource? = nil, in context: ChannelHandlerContext) -> Stranger? {
        let now = context.eventLoop.now
        return strangers.values.lazy.filter { $0.ripe <= now && (source ?? $0.source) == $0.source }
            .min { $0.number < $1.number }
    }

    private func waitForRipeness(_ context: ChannelHandlerContext) {
        timer?.cancel()
        guard let time = strangers.values.lazy.map(\.ripe).min() else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: time) { self.resume() }
    }

    private func drop(_ stranger: Stranger) {
        let channel = stranger.channel
        strangers[ObjectIdentifier(channel)] = nil
        channel.triggerUserOutboundEvent(TLSHandler.Abort()).whenFailure { _ in channel.close(promise: nil) }
    }

    private func resume() {
        guard isReadHeld, let context, makeRoom(context) else { return }
        isReadHeld = false
        context.read()
    }

    private func setAutoRead(_ isOn: Bool, _ context: ChannelHandlerContext) {
        try? context.channel.syncOptions?.setOption(.autoRead, value: isOn)
    }
}

/// All of its state belongs to its channel's event loop.
@available(*, unavailable)
extension AcceptGate: Sendable {}

/// Tells of a connection's first bytes, and leaves.
final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let onArrival: @Sendable () -> Void

    init(_ onArrival: @escaping @Sendable () -> Void) { self.onArrival = onArrival }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        onArrival()
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}

@available(*, unavailable)
extension FirstBytes: Sendable {}
