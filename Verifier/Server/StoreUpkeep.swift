package import Logging
import ServiceLifecycle
package import Store

/// Keeps a server's store fit: frees what dead readers hold, forgets what is too old, removes agents that are silent for
/// too long, and warns before there is no room.
package struct StoreUpkeep: Service, CustomStringConvertible {
    /// How often something is done.
    package struct Pace: Sendable {
        /// Readers that died, and room.
        package var watch = Duration.seconds(60)
        /// Old verdicts and silent agents: all agents are gone through.
        package var rules = Duration.seconds(3600)

        /// A minute, and an hour.
        package init() {}
    }

    /// What a log calls it.
    package let description = "upkeep"
    private let store: Store
    private let forgetAfter: Int64?
    private let pace: Pace
    private let logger: Logger
    private let time: @Sendable () -> Int64

    /// - Parameters:
    ///   - forgetAfter: seconds without a verdict after which an agent is removed; nil for never.
    ///   - time: seconds since 1970.
    package init(
        store: Store, forgetAfter: Int64?, pace: Pace = Pace(), logger: Logger, time: @escaping @Sendable () -> Int64
    ) {
        self.store = store
        self.forgetAfter = forgetAfter
        self.pace = pace
        self.logger = logger
        self.time = time
    }

    /// Works until a graceful shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var rulesAreDue = ContinuousClock.now
            var isWarned = false
            while !Task.isCancelled {
                isWarned = watch(isWarned: isWarned)
                if rulesAreDue <= .now {
                    await applyRules()
                    rulesAreDue = .now + pace.rules
                }
                try? await Task.sleep(for: pace.watch)
            }
        }
    }

    /// - Returns: whether the operator is warned; once is enough while it lasts.
    private func watch(isWarned: Bool) -> Bool {
        let stale = store.removeStaleReaders()
        if stale > 0 { logger.notice("readers of the store had died", metadata: ["readers": "\(stale)"]) }
        guard let warning = store.roomWarning() else { return false }
        if !isWarned { logger.warning("the store is nearly full", metadata: ["remedy": "\(warning)"]) }
        return true
    }

    private func applyRules() async {
        let now = time()
        do throws(StoreError) {
            let aged = try await store.ageHistories(at: now)
            if aged > 0 { logger.info("old verdicts were forgotten", metadata: ["agents": "\(aged)"]) }
            guard let forgetAfter else { return }
            for id in try await store.removeAgents(silentSince: now - forgetAfter, at: now) {
                logger.notice(
                    "agent removed: it was silent for too long",
                    metadata: ["agent": "\(id)", "forget_after": "\(forgetAfter)"])
            }
        } catch {
            logger.error("the store's upkeep failed", metadata: ["error": "\(error)"])
        }
    }
}
