import Synchronization

/// Bounds the hosts that join at the same time: a credential costs a key operation. Only those count that have proved that
/// they know a token.
final class JoinGate: Sendable {
    private static let maximum = 64
    private let count = Mutex(0)

    /// Whether there is room; then it is taken.
    func enter() -> Bool {
        count.withLock { count in
            guard count < Self.maximum else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}
