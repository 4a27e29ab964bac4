internal import Appraisal
internal import CoreMetrics
package import Logging
internal import Server
internal import ServiceLifecycle
package import Store
internal import Synchronization

/// Follows every agent's tier: by each verdict as it is given, by the clock, and by what other processes change in the
/// store (an agent added, revoked, removed). Hooks are told of each change.
package final class FleetWatch: Service, CustomStringConvertible {
    /// The store is asked so often whether something changed.
    private static let interval = Duration.seconds(1)
    /// A scan of a large fleet takes a while: so many times as long it isn't repeated, whatever changes.
    private static let restAfterScan = 20
    /// Agents in one snapshot of a scan.
    private static let pageLength = 1000

    /// What a log calls it.
    package let description = "fleet"
    private let store: Store
    private let time: @Sendable () -> Int64
    private let onChange: @Sendable (TierChange) -> Void
    private let logger: Logger
    private let ledger: Mutex<TierLedger>

    /// - Parameters:
    ///   - maximumAge: seconds for which a verdict stands.
    ///   - time: seconds since 1970.
    ///   - onChange: must not wait for anything: sessions come by here.
    package init(
        store: Store, maximumAge: Int64, logger: Logger, time: @escaping @Sendable () -> Int64,
        onChange: @escaping @Sendable (TierChange) -> Void
    ) {
        self.store = store
        self.logger = logger
        self.time = time
        self.onChange = onChange
        ledger = Mutex(TierLedger(maximumAge: maximumAge))
    }

    /// A verdict is durable.
    package func enter(_ verdict: Verdict, of agent: AgentID) {
        let now = time()
        if let change = ledger.withLock({ $0.enter(verdict, of: agent, at: now) }) { onChange(change) }
    }

    /// Watches until a graceful shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var generation: UInt64?
            var nextScan = ContinuousClock.now
            var waiting: [AgentID] = []
            while !Task.isCancelled {
                if nextScan <= .now, let found = self.changedGeneration(since: generation) {
                    let time = ContinuousClock().measure { if self.scan() { generation = found } }
                    nextScan = .now + time * Self.restAfterScan
                }
                let now = self.time()
                self.ledger.withLock { $0.isDue(at: now) ? $0.changes(at: now) : [] }.forEach(self.onChange)
                waiting = await self.withdraw(self.ledger.withLock { $0.takeWithdrawn() }, waiting, at: now)
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    private func changedGeneration(since known: UInt64?) -> UInt64? {
        do throws(StoreError) {
            let generation = try store.readGeneration()
            return generation == known ? nil : generation
        } catch {
            logger.error("the store can't be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Takes over what the store holds of all agents.
    ///
    /// - Returns: whether the store could be read.
    private func scan() -> Bool {
        var last: AgentID?
        ledger.withLock { $0.scanBegins() }
        do throws(StoreError) {
            while true {
                let page = try store.agents(after: last, limit: Self.pageLength)
                ledger.withLock { ledger in
                    for case .success(let summary) in page {
                        ledger.scanned(summary.id, summary.facts)
                    }
                }
                guard page.count == Self.pageLength, let id = try page.lastID else { break }
                last = id
            }
        } catch {
            logger.error("the agents can't be listed", metadata: ["error": "\(error)"])
            return false
        }
        ledger.withLock { $0.scanEnded(at: self.time()) }.forEach(onChange)
        return true
    }

    /// Has the store keep that verdicts are stamped later than now, so that they don't stand when that time comes.
    ///
    /// - Parameter waiting: agents for which that has failed before.
    /// - Returns: those for which it is to be tried again.
    private func withdraw(_ agents: [AgentID], _ waiting: [AgentID], at time: Int64) async -> [AgentID] {
        if !agents.isEmpty {
            logger.warning(
                "verdicts are stamped later than now, and no longer stand: this host's clock was ahead, or is behind",
                metadata: ["agents": "\(agents.count)"])
        }
        let all = waiting + agents
        guard !all.isEmpty else { return [] }
        do throws(StoreError) {
            try await store.withdrawVerdicts(of: all, at: time)
            return []
        } catch {
            if waiting.isEmpty {
                logger.error("that verdicts don't stand can't be kept", metadata: ["error": "\(error)"])
            }
            return all
        }
    }

    func census() -> TierLedger.Census {
        let now = time()
        return ledger.withLock { $0.census(at: now) }
    }
}
