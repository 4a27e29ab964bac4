internal import CoreMetrics
package import Logging
package import Server
internal import ServiceLifecycle
internal import Synchronization

/// The changes that wait for one hook, and the task that delivers them, in order, one at a time.
///
/// Whoever offers a change never waits. A hook that doesn't keep up loses the oldest changes that wait: the newer ones
/// say more about how things stand. Each loss is counted and logged.
package final class HookQueue: Service, CustomStringConvertible {
    /// How patient it is.
    package struct Settings: Hashable, Sendable {
        /// Changes that may wait.
        package var limit = 1000
        /// How often a delivery is tried.
        package var attempts = 5
        /// How long one try may take, in seconds.
        package var timeoutSeconds = 10
        /// The pause after the first failed try; it doubles with each, up to the longest.
        package var firstPause = Duration.seconds(1)
        package var longestPause = Duration.seconds(60)

        /// The defaults.
        package init() {}

        /// The pause after a number of failed tries.
        func pause(after failures: Int) -> Duration {
            min(longestPause, firstPause * (1 << min(max(0, failures - 1), 30)))
        }
    }

    /// What is counted.
    package static let descriptions = [
        MetricDescription(
            "assay_hook_events_total", .counter, labels: ["hook", "result"],
            "Changes of tier by what became of them: delivered; failed, after all tries; or dropped, for too many waited."
        ),
        MetricDescription("assay_hook_waiting", .gauge, labels: ["hook"], "Changes of tier that wait for delivery."),
    ]

    /// What a log calls it.
    package var description: String { hook.kind.rawValue }
    private let hook: any Hook
    private let settings: Settings
    private let logger: Logger
    private let changes: AsyncStream<TierChange>
    private let continuation: AsyncStream<TierChange>.Continuation
    private let delivered: Counter
    private let failed: Counter
    private let dropped: Counter
    private let waiting: Meter
    private let waitingCount = Atomic<Int>(0)

    /// A queue before a hook.
    package init(_ hook: any Hook, settings: Settings, logger: Logger, registry: MetricRegistry) {
        self.hook = hook
        self.settings = settings
        var logger = logger
        logger[metadataKey: "hook"] = "\(hook.kind.rawValue)"
        self.logger = logger
        (changes, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(settings.limit))
        func counter(_ result: String) -> Counter {
            Counter(
                label: "assay_hook_events_total", dimensions: [("hook", hook.kind.rawValue), ("result", result)],
                factory: registry)
        }
        delivered = counter("delivered")
        failed = counter("failed")
        dropped = counter("dropped")
        waiting = Meter(
            label: "assay_hook_waiting", dimensions: [("hook", hook.kind.rawValue)], factory: registry)
        waiting.set(0)
    }

    /// Queues a change. Never waits.
    package func offer(_ change: TierChange) {
        switch continuation.yield(change) {
        case .enqueued: waiting.set(waitingCount.add(1, ordering: .relaxed).newValue)
        case .dropped(let oldest):
            dropped.increment()
            logger.error("too many changes wait: the oldest is dropped", metadata: ["change": "\(oldest.json)"])
        default: break
        }
    }

    /// Delivers until a graceful shutdown; what waits then is not delivered, and the log says how much it was.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            for await change in self.changes {
                self.waiting.set(self.waitingCount.subtract(1, ordering: .relaxed).newValue)
                await self.deliver(change)
            }
        }
        let left = waitingCount.load(ordering: .relaxed)
        if left > 0 { logger.error("changes of tier were not told", metadata: ["count": "\(left)"]) }
    }

    private func deliver(_ change: TierChange) async {
        for attempt in 1...max(1, settings.attempts) {
            do {
                try await once(change)
                delivered.increment()
                logger.debug("told", metadata: ["change": "\(change.json)"])
                return
            } catch {
                logger.warning(
                    "not told", metadata: ["attempt": "\(attempt)", "of": "\(settings.attempts)", "error": "\(error)"])
            }
            guard attempt < settings.attempts, !Task.isCancelled else { break }
            try? await Task.sleep(for: settings.pause(after: attempt))
            if Task.isCancelled { break }
        }
        failed.increment()
        logger.error("a change of tier was not told", metadata: ["change": "\(change.json)"])
    }

    /// One try, within its time.
    private func once(_ change: TierChange) async throws {
        let (hook, seconds) = (hook, settings.timeoutSeconds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await hook.deliver(change) }
            group.addTask {
                try await Task.sleep(for: .seconds(seconds))
                throw HookError("it took longer than \(seconds) s; see hooks.timeout")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
