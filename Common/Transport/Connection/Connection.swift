package import Messages
import NIOCore
import Synchronization

/// The verifier's end of a connection.
package typealias VerifierConnection = Connection<AgentMessage, VerifierMessage>
/// The agent's end of a connection.
package typealias AgentConnection = Connection<VerifierMessage, AgentMessage>

/// An established TLS connection that carries whole, checked messages.
///
/// One task receives; any task may send, set a deadline or close. A connection that nobody holds any more closes.
package final class Connection<Inbound: WireMessage, Outbound: WireMessage>: Sendable {
    /// Who is at the other end.
    package let peer: PeerInfo

    let channel: any Channel
    private let handlers: NIOLoopBound<Pipeline.Handlers>
    private let limits: TransportLimits
    /// Calls of `receive`, to tell which one a cancellation means.
    private let calls = Atomic<UInt64>(0)
    /// Whether the peer's first message was what it should be.
    private let hasAcceptedFirst = Atomic<Bool>(false)
    /// Told once it counts among strangers no more.
    private let onAdmission: @Sendable () -> Void

    init(
        peer: PeerInfo, channel: any Channel, handlers: NIOLoopBound<Pipeline.Handlers>, limits: TransportLimits,
        onAdmission: @escaping @Sendable () -> Void
    ) {
        self.peer = peer
        self.channel = channel
        self.handlers = handlers
        self.limits = limits
        self.onAdmission = onAdmission
    }

    deinit {
        channel.close(promise: nil)
    }

    /// Where a task runs on the connection's own event loop, as in `Task(executorPreference:)`: the cheapest place for a
    /// session that only exchanges messages. What computes for longer than a millisecond belongs elsewhere.
    package var taskExecutor: any TaskExecutor { EventLoopTaskExecutor(channel.eventLoop) }

    /// The next message; nil when the peer has said close_notify between two messages.
    ///
    /// While nobody receives, at most one more frame is read ahead, and the peer is slowed down by TCP. A message is
    /// unpacked on the caller's task, never on an event loop.
    ///
    /// - Throws: the first failure, once what came before it was received, and the same one ever after; but
    ///   `.cancelled` if this task is cancelled, which changes nothing. After `.frame`, `.message` and
    ///   `.deadlineExceeded` the peer can still be told: `close(sending:)` with the error's `status`.
    package func receive() async throws(TransportError) -> Inbound? {
        guard let frame = try await nextFrame() else { return nil }
        do throws(MessageError) {
            let message = try Inbound(frame)
            if !hasAcceptedFirst.exchange(true, ordering: .relaxed) {
                onLoop { $0.messages.acceptFirst() }
                if peer.certificate != nil { admit() }
            }
            return message
        } catch {
            onLoop { $0.messages.refuse(error) }
            throw .message(error)
        }
    }

    private func nextFrame() async throws(TransportError) -> ByteBuffer? {
        guard !Task.isCancelled else { throw .cancelled }
        let number = calls.add(1, ordering: .relaxed).newValue
        let reception = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                onLoop { $0.messages.receive(number) { continuation.resume(returning: $0) } }
            }
        } onCancel: {
            onLoop { $0.messages.cancelReceive(number) }
        }
        return try reception.get()
    }

    /// The peer has proved who it is: its connection isn't closed any more to make room for others. Whoever has shown a
    /// certificate has proved it with its first message.
    package func admit() { onAdmission() }

    /// Sends a message; returns when the operating system has taken all of it, so that a slow peer slows its sender.
    ///
    /// - Throws: `.message` if it is too large for a frame: nothing was sent. `.closed` if the connection is closing:
    ///   the peer may have said why, `receive()` tells.
    package func send(_ message: Outbound) async throws(TransportError) {
        do {
            try await channel.writeAndFlush(message.frame(limit: limits.messageBytes)).get()
        } catch {
            throw TransportError(error)
        }
    }

    /// Demands that a whole message arrives within a time from now, else `receive()` throws `.deadlineExceeded`.
    ///
    /// The next message that arrives meets the demand; another call replaces it. A message that had already arrived
    /// and waits to be received counts as met, for then it isn't the peer that is slow.
    ///
    /// - Parameter awaited: what the peer owes, such as `Evidence`, for the error's text.
    package func setDeadline(_ time: Duration, awaiting awaited: String) {
        onLoop { $0.messages.setDeadline(time, awaiting: awaited) }
    }

    /// Takes the demand back: the peer may be silent.
    package func clearDeadline() {
        onLoop { $0.messages.setDeadline(nil, awaiting: "") }
    }

    /// Sends a last message, if any, and closes: close_notify, then the peer's within `closeTimeout`, then the socket.
    ///
    /// It never fails: a peer that is gone needn't be told. What the peer still sends is dropped.
    package func close(sending last: Outbound? = nil) async {
        if let last { try? await send(last) }
        try? await channel.close().get()
    }

    /// Closes the socket at once, without close_notify: the peer sees a broken connection.
    package func abort() {
        onLoop { $0.abort() }
    }

    private func onLoop(_ action: @escaping @Sendable (Pipeline.Handlers) -> Void) {
        let handlers = handlers
        channel.eventLoop.execute { action(handlers.value) }
    }
}
