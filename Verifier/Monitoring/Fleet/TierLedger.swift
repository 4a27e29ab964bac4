internal import Appraisal
internal import Server
internal import Store

/// Every agent's tier as it was last told, beside the facts that it follows from. No clock and no store is touched here.
struct TierLedger {
    private struct Entry {
        var facts: AgentFacts
        var told: Tier
        /// The scan during which the verdict was given; nil for one that a scan has read.
        var givenDuring: UInt64?
    }

    private let maximumAge: Int64
    private var entries: [AgentID: Entry] = [:]
    private var seen: Set<AgentID> = []
    private var isFirstScan = true
    /// Counts scans as they begin.
    private var scan: UInt64 = 0
    /// When a verdict ceases to stand, at the earliest: then it is to be looked for changes. Agents that attest
    /// meanwhile only make it later.
    private(set) var due = Int64.max
    /// What the clock told last.
    private var latest = Int64.min
    /// Agents whose verdicts were found to be stamped later than now.
    private var withdrawn: Set<AgentID> = []

    /// - Parameter maximumAge: seconds for which a verdict stands.
    init(maximumAge: Int64) {
        self.maximumAge = maximumAge
    }

    /// A verdict was given.
    mutating func enter(_ verdict: Verdict, of agent: AgentID, at time: Int64) -> TierChange? {
        latest = max(latest, time)
        var entry = entries[agent] ?? Entry(facts: AgentFacts(), told: .none)
        entry.facts.verdict = verdict
        entry.facts.withdrawnAt = nil
        // It was judged without the keys that are denied: the commit would have been refused.
        entry.facts.deniedKeys = []
        entry.givenDuring = scan
        entries[agent] = entry
        withdrawIfAhead(agent, at: time)
        due = min(due, nextDue(of: agent))
        return change(of: agent, at: time)
    }

    // MARK: What the store holds

    /// A scan of the store begins: a verdict given from now on may be newer than what it will see.
    mutating func scanBegins() {
        scan += 1
        seen = []
    }

    /// An agent as the scan found it.
    mutating func scanned(_ agent: AgentID, _ facts: AgentFacts) {
        seen.insert(agent)
        guard let known = entries[agent] else {
            entries[agent] = Entry(facts: facts, told: .none)
            return
        }
        var facts = facts
        if known.givenDuring == scan {
            facts.verdict = known.facts.verdict
            facts.withdrawnAt = known.facts.withdrawnAt
            facts.deniedKeys = known.facts.deniedKeys
        }
        entries[agent]?.facts = facts
    }

    /// All agents were scanned: those that weren't seen are gone.
    ///
    /// What lapsed while no verifier was there to tell it is told after the first scan. No verifier was there after the
    /// last verdict of all, as far as the store knows: so what lapsed later is told, perhaps again. A verdict that is
    /// stamped later than now, and that no verifier has withdrawn yet, was never told to lapse either.
    mutating func scanEnded(at time: Int64) -> [TierChange] {
        entries = entries.filter { seen.contains($0.key) }
        seen = []
        if isFirstScan {
            isFirstScan = false
            recallWhatWasTold(at: time)
        }
        return changes(at: time)
    }

    private mutating func recallWhatWasTold(at time: Int64) {
        let lastSign =
            entries.values.lazy.compactMap { $0.facts.verdict?.givenAt }
            .filter { Age(of: $0, at: time) != .inTheFuture }.max() ?? .min
        for (agent, entry) in entries where entry.givenDuring == nil {
            let lapse = entry.facts.lapse(maximumAge: maximumAge)
            let isUntold =
                isAhead(entry.facts, at: time) || lapse.map { $0 < time && $0 >= lastSign } ?? false
            entries[agent]?.told =
                isUntold
                ? entry.facts.verdict?.tier ?? .none : entry.facts.tier(at: time, maximumAge: maximumAge)
        }
    }

    // MARK: Time

    /// Whether it is to be looked for changes: a verdict ceases to stand, or the clock was set back since it was last asked.
    mutating func isDue(at time: Int64) -> Bool {
        defer { latest = time }
        return due <= time || time < latest
    }

    /// The changes that came with time, or with what a scan found.
    mutating func changes(at time: Int64) -> [TierChange] {
        due = .max
        for (agent, entry) in entries {
            withdrawIfAhead(agent, at: time)
            guard let lapse = entry.facts.lapse(maximumAge: maximumAge), lapse >= time else { continue }
            due = min(due, nextDue(of: agent))
        }
        return entries.keys.compactMap { change(of: $0, at: time) }
    }

    /// Agents whose verdicts were found to be stamped later than now since this was last asked: what the store is to know.
    mutating func takeWithdrawn() -> [AgentID] {
        defer { withdrawn = [] }
        return Array(withdrawn)
    }

    private mutating func withdrawIfAhead(_ agent: AgentID, at time: Int64) {
        guard let entry = entries[agent], isAhead(entry.facts, at: time) else { return }
        entries[agent]?.facts.withdrawnAt = time
        withdrawn.insert(agent)
    }

    private func isAhead(_ facts: AgentFacts, at time: Int64) -> Bool {
        facts.withdrawnAt == nil && facts.age(at: time) == .inTheFuture
    }

    private func nextDue(of agent: AgentID) -> Int64 {
        guard let lapse = entries[agent]?.facts.lapse(maximumAge: maximumAge) else { return .max }
        return lapse == .max ? .max : lapse + 1
    }

    private mutating func change(of agent: AgentID, at time: Int64) -> TierChange? {
        guard let entry = entries[agent] else { return nil }
        let tier = entry.facts.tier(at: time, maximumAge: maximumAge)
        guard tier != entry.told else { return nil }
        entries[agent]?.told = tier
        return TierChange(
            agent: agent, from: entry.told, to: tier,
            standing: AgentStanding(entry.facts, at: time, maximumAge: maximumAge), verdict: entry.facts.verdict,
            time: time)
    }

    // MARK: Counts

    /// The fleet in numbers.
    func census(at time: Int64) -> Census {
        var census = Census()
        for entry in entries.values {
            census.tiers[entry.facts.tier(at: time, maximumAge: maximumAge), default: 0] += 1
            census.standings[AgentStanding(entry.facts, at: time, maximumAge: maximumAge).word, default: 0] += 1
            guard entry.facts.revokedAt == nil else { continue }
            switch entry.facts.age(at: time) {
            case .seconds(let age):
                census.oldest = max(census.oldest ?? age, age)
                census.newest = min(census.newest ?? age, age)
            case .inTheFuture:
                // It is older than the moment when that was found; by how much, nobody knows.
                let age = max(0, time &- (entry.facts.withdrawnAt ?? time))
                census.oldest = max(census.oldest ?? age, age)
            case nil: continue
            }
        }
        return census
    }

    /// How many agents stand how.
    struct Census: Hashable {
        var tiers: [Tier: Int] = [:]
        var standings: [AgentStanding.Word: Int] = [:]
        /// The greatest and the least age of a last verdict, in seconds; revoked agents aren't counted.
        var oldest: Int64?
        var newest: Int64?
    }
}
