// Verdicts of a clock that was ahead.
extension Store {
    /// Takes back the last verdicts of agents, as far as they are stamped later than now: a clock that has been set right
    /// reaches their time, and they must not stand then. The next verdict of an agent stands by itself.
    ///
    /// - Parameter time: now, in seconds since 1970.
    package func withdrawVerdicts(of ids: [AgentID], at time: Int64) async throws(StoreError) {
        let schema = schema
        for start in stride(from: 0, to: ids.count, by: Self.withdrawalsAtOnce) {
            let some = ids[start..<min(start + Self.withdrawalsAtOnce, ids.count)]
            try await writer.perform { (transaction, changes) throws(StoreError) in
                for id in some { try schema.withdraw(id, at: time, transaction, &changes) }
            }
        }
    }

    /// In one transaction, so that a fleet costs a few and others get their turn between them.
    private static let withdrawalsAtOnce = 500
}

extension Schema {
    fileprivate func withdraw(
        _ id: AgentID, at time: Int64, _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        // One that is damaged stands for nobody, and must not keep others from being withdrawn.
        guard let verdict = (try? transaction.load(Verdict.self, of: id, in: verdicts)) ?? nil,
            Age(of: verdict.challengedAt, at: time) == .inTheFuture,
            try withdrawal(of: verdict, id, transaction) == nil
        else { return }
        changes.put(id.key, Withdrawal(verdict: verdict.number, foundAt: time).stored, in: withdrawals)
        try record([.verdictWithdrawn(stamp: verdict.challengedAt)], of: id, at: time, transaction, &changes)
    }

    /// When an agent's verdict was withdrawn, in seconds since 1970; nil if it wasn't.
    func withdrawal(
        of verdict: Verdict, _ id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Int64? {
        let found = try transaction.load(Withdrawal.self, of: id, in: withdrawals)
        return found.flatMap { $0.verdict == verdict.number ? $0.foundAt : nil }
    }
}
