import Logging
import Synchronization
import Transport

/// Tells the operator that the listener has no room: each time in the metrics, now and then in the log, and for a minute
/// in what health says.
final class CrowdWatch: Sendable {
    private struct Sight {
        var last: ContinuousClock.Instant
        var told: ContinuousClock.Instant
        var crowding: Crowding
    }

    /// How often the log says that a limit is met, and for how long health does.
    private static let logInterval = Duration.seconds(10)
    private static let memory = Duration.seconds(60)

    private let metrics: ServerMetrics
    private let logger: Logger
    private let sights = Mutex<[String: Sight]>([:])

    init(metrics: ServerMetrics, logger: Logger) {
        self.metrics = metrics
        self.logger = logger
    }

    func see(_ crowding: Crowding, at now: ContinuousClock.Instant = .now) {
        metrics.crowded(crowding)
        let isDue = sights.withLock { sights in
            let told = sights[crowding.limit]?.told
            let isDue = told.map { now - $0 >= Self.logInterval } ?? true
            sights[crowding.limit] = Sight(last: now, told: isDue ? now : told ?? now, crowding: crowding)
            return isDue
        }
        if isDue { logger.warning("the listener is full", metadata: ["why": "\(crowding)"]) }
    }

    /// What has been so within the last minute, a sentence each.
    func warnings(at now: ContinuousClock.Instant = .now) -> [String] {
        sights.withLock { sights in
            sights.values.filter { now - $0.last < Self.memory }.map { "\($0.crowding)" }.sorted()
        }
    }
}
