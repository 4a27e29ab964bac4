internal import Appraisal
internal import Server
internal import Store

/// Every agent's tier as it was last told, beside the facts that it follows from. No clock and no store is touched here.
struct TierLedger {
    private struct Entry {
        var facts: AgentFacts
        var told: Tier
    }

    private let maximumAge: Int64
    private var entries: [AgentID: Entry] = [:]
    private var seen: Set<AgentID> = []
    private var isFirstScan = true
    /// When a verdict ceases to stand, at the earliest: then it is to be looked for changes. Agents that attest
    /// meanwhile only make it later.
    private(set) var due = Int64.max

    /// - Parameter maximumAge: seconds for which a verdict stands.
    init(maximumAge: Int64) {
        self.maximumAge = maximumAge
    }

    /// A verdict was given.
    mutating func enter(_ verdict: Verdict, of agent: AgentID, at time: Int64) -> TierChange? {
        var entry = entries[agent] ?? Entry(facts: AgentFacts(), told: .none)
        entry.facts.verdict = verdict
        // It was judged without the keys that are denied: the commit would have been refused.
        entry.facts.deniedKeys = []
        entries[agent] = entry
        due = min(due, verdict.challengedAt &+ maximumAge &+ 1)
        return change(of: agent, at: time)
    }

    // MARK: What the store holds

    /// An agent as a scan of the store found it.
    ///
    /// - Parameter began: when the scan began: a verdict given since may be newer than what the scan has seen.
    mutating func scanned(_ agent: AgentID, _ facts: AgentFacts, began: Int64) {
        seen.insert(agent)
        guard let known = entries[agent] else {
            entries[agent] = Entry(
                facts: facts, told: isFirstScan ? facts.tier(at: began, maximumAge: maximumAge) : .none)
            return
        }
        var facts = facts
        if let verdict = known.facts.verdict, verdict.givenAt >= began {
            facts.verdict = verdict
            facts.deniedKeys = known.facts.deniedKeys
        }
        entries[agent]?.facts = facts
    }

    /// All agents were scanned: those that weren't seen are gone.
    ///
    /// What lapsed while no verifier was there to tell it is told after the first scan. No verifier was there after the
    /// last verdict of all, as far as the store knows: so what lapsed later is told, perhaps again.
    mutating func scanEnded(at time: Int64) -> [TierChange] {
        entries = entries.filter { seen.contains($0.key) }
        seen = []
        if isFirstScan {
            isFirstScan = false
            let lastSign = entries.values.lazy.compactMap { $0.facts.verdict?.givenAt }.max() ?? .min
            for (agent, entry) in entries {
                guard let verdict = entry.facts.verdict, let lapse = entry.facts.lapse(maximumAge: maximumAge),
                    lapse < time, lapse >= lastSign
                else { continue }
                entries[agent]?.told = verdict.tier
            }
        }
        return changes(at: time)
    }

    // MARK: Time

    /// The changes that came with time, or with what a scan found.
    mutating func changes(at time: Int64) -> [TierChange] {
        due = .max
        for entry in entries.values {
            guard let lapse = entry.facts.lapse(maximumAge: maximumAge), lapse >= time else { continue }
            due = min(due, lapse &+ 1)
        }
        return entries.keys.compactMap { change(of: $0, at: time) }
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
            guard let age = entry.facts.age(at: time), entry.facts.revokedAt == nil else { continue }
            census.oldest = max(census.oldest ?? age, age)
            census.newest = min(census.newest ?? age, age)
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
