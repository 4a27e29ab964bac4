import AssayCrypto
import Bytes

// What hosts that join in vain leave in agents' histories.
extension Store {
    /// Notes in the history of the agent that a join came to, or whose attestation key it brought, that it was refused.
    ///
    /// Nothing is written where there is no such agent, and no more than the history has room for within an hour: the log
    /// has them all.
    package func note(_ refused: RefusedJoin) async throws(StoreError) {
        let schema = schema
        let isNotable = try environment.read { (transaction) throws(StoreError) in
            try schema.agent(concernedBy: refused, transaction) != nil
        }
        guard isNotable else { return }
        try await writer.perform { (transaction, changes) throws(StoreError) in
            guard let id = try schema.agent(concernedBy: refused, transaction) else { return }
            try schema.record(
                [.joinRefused(refused.word, endorsementKeyName: refused.endorsementKeyName)], of: id,
                at: refused.time, transaction, &changes)
        }
    }
}

extension Schema {
    /// For so many seconds a history that is full of refusals takes no other one.
    private static let refusalInterval: Int64 = 3600

    /// The agent in whose history a refusal belongs; nil for none, or if the history has enough of them.
    fileprivate func agent(
        concernedBy refused: RefusedJoin, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> AgentID? {
        let found: Invitation? = try transaction.load(key: refused.tokenHash.bytes, in: invitations)
        guard let invitation = found,
            let id = invitation.agentID(for: refused.endorsementKeyName, wishing: refused.wishedID)
        else { return nil }
        let isEnrolled = try transaction.bytes(of: id.key, in: agents) != nil
        let holder = try holder(ofAttestationKey: refused.attestationKeyName, besides: id, transaction)
        guard let concerned = isEnrolled ? id : holder else { return nil }
        let fresh = try events(of: .joinRefused, concerned.key, transaction).suffix(roomForJoins)
            .filter { Age(of: $0.time, at: refused.time).isWithin(Self.refusalInterval) }
        return fresh.count < roomForJoins ? concerned : nil
    }
}
