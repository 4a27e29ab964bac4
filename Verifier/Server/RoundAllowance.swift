import Store
import Synchronization

/// How many rounds an agent may bring about by connecting again. The verifier's own pace on an open connection and what an
/// operator asks for aren't counted here.
///
/// An agent spends when such a round is committed, since that is what adds to its history: a link that breaks, or a transfer
/// that goes on in pieces, costs it nothing. It is kept by agent and not by connection, so that connecting again doesn't
/// fill it up; a verifier that starts anew begins with full ones.
final class RoundAllowance: Sendable {
    /// How it fills.
    struct Pace: Hashable, Sendable {
        /// Rounds that an agent may bring about in a row: more than somebody at a keyboard or a scheduler asks for.
        var rounds = 32
        /// Seconds after which it may bring about one more.
        var seconds = 15
    }

    private let pace: Pace
    /// When each agent's allowance will be full again; nothing for one that is.
    private let full = Mutex<[AgentID: ContinuousClock.Instant]>([:])
    /// The operator's last request for which each agent was let in although it had spent its allowance.
    private let excused = Mutex<[AgentID: UInt64]>([:])

    init(_ pace: Pace) {
        self.pace = pace
    }

    /// Seconds until an agent may bring about a round; nil if it may now.
    func wait(of id: AgentID, at now: ContinuousClock.Instant = .now) -> Int? {
        full.withLock { full in
            guard let end = full[id], end > now else {
                full[id] = nil
                return nil
            }
            // With `rounds` spent in a row it takes as many times `seconds` until it is full.
            let excess = now.duration(to: end) - .seconds(pace.seconds * (pace.rounds - 1))
            return excess > .zero ? Int(clamping: excess.components.seconds) + 1 : nil
        }
    }

    /// Whether an agent that has to wait is let in because an operator wants it judged again: once for each request, or a
    /// host that never meets its quote would have found a way round.
    ///
    /// - Parameter request: the request's number.
    func excuses(_ id: AgentID, for request: UInt64) -> Bool {
        excused.withLock { excused in
            guard excused[id] != request else { return false }
            excused[id] = request
            return true
        }
    }

    /// A round that an agent has brought about is committed.
    func spend(_ id: AgentID, at now: ContinuousClock.Instant = .now) {
        full.withLock { $0[id] = max($0[id] ?? now, now) + .seconds(pace.seconds) }
    }
}
