import AssayCrypto
import Bytes

// What hosts that join leave in agents' histories: they choose how often, so it has a room of its own there.
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
            try schema.recordJoin(
                [.joinRefused(refused.word, endorsementKeyName: refused.endorsementKeyName)], of: id,
                at: refused.time, transaction, &changes)
        }
    }
}

extension Schema {
    /// Events of one kind that joining hosts bring about and that are kept of an agent.
    private var roomForJoins: Int { max(1, min(8, bounds.events / 10)) }

    /// For so many seconds a history that is full of refusals takes no other one.
    private static let refusalInterval: UInt64 = 3600

    /// Records what a joining host has brought about. Of each kind a few are kept, the newest; all others stay.
    func recordJoin(
        _ kinds: [Event.Kind], of id: AgentID, at time: Int64, _ transaction: borrowing WriteTransaction,
        _ changes: inout Changes
    ) throws(StoreError) {
        var crowded: [[UInt8]] = []
        for kind in kinds {
            let older = try events(of: kind.word, of: id, transaction)
            crowded += older.dropLast(roomForJoins - 1).map(\.key)
        }
        for key in crowded { changes.delete(key, in: events) }
        try record(kinds, of: id, at: time, without: crowded, transaction, &changes)
    }

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
        let noted = try events(of: .joinRefused, of: concerned, transaction).suffix(roomForJoins)
        let isFull = noted.count == roomForJoins
        return isFull && noted.allSatisfy { (refused.time &- $0.time).magnitude < Self.refusalInterval }
            ? nil : concerned
    }

    /// Those that can be read, ascending by number.
    private func events(
        of word: Event.Kind.Word, of id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> [(key: [UInt8], time: Int64)] {
        var found: [(key: [UInt8], time: Int64)] = []
        try transaction.scan(events, prefix: id.key) { (key, value) throws(StoreError) in
            if let event = try? Event(stored: value, at: .init()), event.kind.word == word {
                found.append(([UInt8](copying: key), event.time))
            }
            return true
        }
        return found
    }
}
