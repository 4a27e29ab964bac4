import Logging
import Synchronization

/// The log's lines about peers that haven't proved who they are: so many a minute, for anybody can cause one. How many
/// were left out stands in the next line.
final class StrangerLog: Sendable {
    private struct Budget {
        var lines: Int
        var refilled: ContinuousClock.Instant
        var leftOut = 0
    }

    /// Lines that may come at once, and how soon each of them may come again.
    private static let burst = 20
    private static let interval = Duration.seconds(3)

    private let logger: Logger
    private let budget: Mutex<Budget>

    init(logger: Logger) {
        self.logger = logger
        budget = Mutex(Budget(lines: Self.burst, refilled: .now))
    }

    /// Writes a line, if one more may be written.
    func log(
        _ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata,
        at now: ContinuousClock.Instant = .now
    ) {
        guard let leftOut = take(at: now) else { return }
        let count: Logger.Metadata = leftOut > 0 ? ["like_it_and_left_out": "\(leftOut)"] : [:]
        logger.log(level: level, message, metadata: metadata.merging(count) { own, _ in own })
    }

    /// Takes a line out of the budget: how many were left out before it; nil if there is none left.
    private func take(at now: ContinuousClock.Instant) -> Int? {
        budget.withLock { budget in
            let due = Int(clamping: (now - budget.refilled).components.seconds / Self.interval.components.seconds)
            if due > 0 {
                budget.lines = min(Self.burst, budget.lines + due)
                budget.refilled = now
            }
            guard budget.lines > 0 else {
                budget.leftOut += 1
                return nil
            }
            budget.lines -= 1
            defer { budget.leftOut = 0 }
            return budget.leftOut
        }
    }
}
