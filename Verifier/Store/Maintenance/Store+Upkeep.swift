import Bytes

// What time asks of a store, by rule: nobody need be connected for it.
extension Store {
    /// Agents in one snapshot of a scan.
    private static let pageLength = 1000
    /// Writes on their way at once: enough for the writer to join them.
    private static let concurrency = 64

    /// Forgets verdicts that are older than the bounds allow, of agents that are silent, too: else only the next verdict
    /// of an agent thins its history. The last verdict of each stays.
    ///
    /// - Parameter time: now, in seconds since 1970.
    /// - Returns: of how many agents something was forgotten.
    @discardableResult
    package func ageHistories(at time: Int64) async throws(StoreError) -> Int {
        let schema = schema
        var count = 0
        try await eachPage { (ids, transaction) throws(StoreError) in
            var old: [AgentID] = []
            for id in ids where try schema.hasOldHistory(id, at: time, transaction) { old.append(id) }
            return old
        } perform: { (store, id) throws(StoreError) in
            try await store.writer.perform { (transaction, changes) throws(StoreError) in
                try schema.age(id, at: time, transaction, &changes)
            }
            return true
        } done: { _ in
            count += 1
        }
        return count
    }

    /// Removes agents that have been silent for too long: neither enrolled, nor joined again, nor given a verdict
    /// since a time. Revoked ones stay, for their refusal is an operator's word. Each removal is an event of the store.
    ///
    /// At most a tenth of the agents is removed at once, so that a clock that is set wrong can be noticed in time.
    /// - Parameters:
    ///   - limit: in seconds since 1970.
    ///   - time: now, likewise.
    /// - Returns: who was removed.
    @discardableResult
    package func removeAgents(silentSince limit: Int64, at time: Int64) async throws(StoreError) -> [AgentID] {
        let schema = schema
        var room = 0
        try environment.read { (transaction) throws(StoreError) in
            room = max(1, try transaction.count(of: schema.agents) / 10)
        }
        var removed: [AgentID] = []
        try await eachPage { (ids, transaction) throws(StoreError) in
            var silent: [AgentID] = []
            for id in ids where silent.count < room {
                // One that is damaged is an operator's to look at.
                if (try? schema.isSilent(id, since: limit, transaction)) == true { silent.append(id) }
            }
            room -= silent.count
            return silent
        } perform: { (store, id) throws(StoreError) in
            try await store.remove(id, ifSilentSince: limit, at: time)
        } done: {
            removed.append($0)
        }
        return removed
    }

    /// - Returns: whether it was still silent.
    private func remove(_ id: AgentID, ifSilentSince limit: Int64, at time: Int64) async throws(StoreError) -> Bool {
        let schema = schema
        return try await changing { (transaction, changes) throws(StoreError) in
            guard try schema.isSilent(id, since: limit, transaction) else { return false }
            try schema.remove(id, byRule: true, at: time, transaction, &changes)
            return true
        }
    }

    /// Goes through all agents, chooses some of each page and does something with each of these.
    private func eachPage(
        choose: ([AgentID], borrowing ReadTransaction) throws(StoreError) -> [AgentID],
        perform: @escaping @Sendable (Store, AgentID) async throws(StoreError) -> Bool, done: (AgentID) -> Void
    ) async throws(StoreError) {
        let schema = schema
        var last: AgentID?
        while true {
            var ids: [AgentID] = []
            let chosen = try environment.read { (transaction) throws(StoreError) in
                ids = try schema.agentIDs(after: last, limit: Self.pageLength, transaction)
                return try choose(ids, transaction)
            }
            for (id, result) in await all(chosen, perform) where try result.get() { done(id) }
            last = ids.last
            guard ids.count == Self.pageLength else { return }
        }
    }

    private func all(
        _ ids: [AgentID], _ body: @escaping @Sendable (Store, AgentID) async throws(StoreError) -> Bool
    ) async -> [(AgentID, Result<Bool, StoreError>)] {
        await withTaskGroup(of: (AgentID, Result<Bool, StoreError>).self) { group in
            var results: [(AgentID, Result<Bool, StoreError>)] = []
            for (index, id) in ids.enumerated() {
                if index >= Self.concurrency, let result = await group.next() { results.append(result) }
                group.addTask {
                    do throws(StoreError) {
                        return (id, .success(try await body(self, id)))
                    } catch {
                        return (id, .failure(error))
                    }
                }
            }
            for await result in group { results.append(result) }
            return results
        }
    }
}

extension Schema {
    fileprivate func agentIDs(
        after last: AgentID?, limit: Int, _ transaction: borrowing ReadTransaction
    ) throws(StoreError) -> [AgentID] {
        var ids: [AgentID] = []
        // Behind an agent's key, which ends in 0, comes whatever begins with its id and a 1.
        try transaction.scan(agents, prefix: [], from: last.map { $0.bytes + [1] }) { (key, _) throws(StoreError) in
            guard ids.count < limit else { return false }
            ids.append(try AgentID(Array([UInt8](copying: key).dropLast())))
            return true
        }
        return ids
    }

    /// Whether an agent has neither been enrolled, nor joined again, nor given a verdict since a time, and isn't revoked.
    fileprivate func isSilent(
        _ id: AgentID, since limit: Int64, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Bool {
        guard let agent = try transaction.load(Agent.self, of: id, in: agents), agent.revokedAt == nil,
            agent.enrolledAt < limit
        else { return false }
        // It keeps the time of its enrolment when it joins again, and needs a moment to its next verdict.
        let identity: AgentIdentity? = try transaction.load(of: id, in: identities)
        if let identity, identity.joinedAt >= limit { return false }
        guard let verdict = try transaction.load(Verdict.self, of: id, in: verdicts) else { return true }
        // One that is stamped later than now is no sign of life at that time; it was given before that was found.
        return try withdrawal(of: verdict, id, transaction) ?? verdict.challengedAt < limit
    }

    /// Whether the oldest verdict of a history is too old and not the only one.
    fileprivate func hasOldHistory(
        _ id: AgentID, at time: Int64, _ transaction: borrowing ReadTransaction
    ) throws(StoreError) -> Bool {
        var first: PastVerdict?
        var count = 0
        try transaction.scan(history, prefix: id.key) { (_, value) throws(StoreError) in
            let page = (try? HistoryPage(stored: value, at: .init())) ?? HistoryPage([])
            first = first ?? page.verdicts.first
            count += page.verdicts.count
            return count < 2
        }
        guard let first, count > 1 else { return false }
        return first.verdict.givenAt < time &- bounds.age
    }

    fileprivate func age(
        _ id: AgentID, at time: Int64, _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        guard let number = try transaction.load(Verdict.self, of: id, in: verdicts)?.number else { return }
        let key = numberedKey(HistoryPage.number(of: number), of: id)
        guard let last = try? transaction.load(HistoryPage.self, key: key, of: id, in: history) else { return }
        try thin(id, last: last, number: number, at: time, transaction, &changes)
    }
}
