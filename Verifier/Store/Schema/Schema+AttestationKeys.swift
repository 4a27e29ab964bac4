import AssayCrypto
import Bytes

// Who is enrolled with which attestation key. The index is as of a generation: one that another release has passed by,
// or that isn't there yet, counts for nothing until the next enrolment makes it anew.
extension Schema {
    /// Another agent that is enrolled with an attestation key; nil for none.
    func holder(
        ofAttestationKey name: [UInt8], besides id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> AgentID? {
        guard try knowsAttestationKeys(transaction) else {
            return try enrolled(transaction).first { $0.attestationKeyName == name && $0.id != id }?.id
        }
        let prefix = Self.prefix(of: name)
        var holder: AgentID?
        try transaction.scan(attestationKeys, prefix: prefix) { (key, _) throws(StoreError) in
            let agent = try AgentID(Array([UInt8](copying: key).dropFirst(prefix.count).dropLast()))
            // An agent that couldn't be read when it was removed has left its entry behind.
            guard agent != id, try readable(agent, transaction)?.attestationKeyName == name else { return true }
            holder = agent
            return false
        }
        return holder
    }

    /// Writes an agent, and with which key it is enrolled.
    ///
    /// - Parameter former: what was enrolled under its id before.
    func enter(
        _ agent: Agent, inPlaceOf former: Agent?, _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        if try !knowsAttestationKeys(transaction) {
            try transaction.scan(attestationKeys, prefix: []) { (key, _) throws(StoreError) in
                changes.delete([UInt8](copying: key), in: attestationKeys)
                return true
            }
            for other in try enrolled(transaction) { changes.put(Self.key(of: other), Self.entry, in: attestationKeys) }
            try keepAttestationKeys(transaction, &changes)
        }
        if let former { changes.delete(Self.key(of: former), in: attestationKeys) }
        changes.put(agent.id.key, agent.stored, in: agents)
        changes.put(Self.key(of: agent), Self.entry, in: attestationKeys)
    }

    /// Forgets with which key an agent is enrolled, as far as it can be read.
    func forgetAttestationKey(
        of id: AgentID, _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        if let agent = try readable(id, transaction) { changes.delete(Self.key(of: agent), in: attestationKeys) }
    }

    /// Whether the index has every agent.
    func knowsAttestationKeys(
        _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Bool {
        try counter(MetaKey.attestationKeys, transaction) == counter(MetaKey.generation, transaction)
    }

    /// Says that the index is as of the generation that this change is about to have.
    func keepAttestationKeys(
        _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        changes.put(MetaKey.attestationKeys, bigEndian(try nextGeneration(transaction)), in: meta)
    }

    /// Nil for an agent that isn't enrolled, or can't be read.
    func readable(
        _ id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Agent? {
        do throws(StoreError) {
            return try transaction.load(of: id, in: agents)
        } catch {
            guard error.code == .damaged else { throw error }
            return nil
        }
    }

    /// The entry of an agent.
    static func key(of agent: Agent) -> [UInt8] { prefix(of: agent.attestationKeyName) + agent.id.key }

    /// Names have more than one length.
    private static func prefix(of name: [UInt8]) -> [UInt8] { PCRBank.sha256.digest(of: name).bytes }

    /// The key says all.
    private static let entry: [UInt8] = [1]

    /// All agents that can be read.
    private func enrolled(
        _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> [Agent] {
        var enrolled: [Agent] = []
        try transaction.scan(agents, prefix: []) { (_, value) throws(StoreError) in
            if let agent = try? Agent(stored: value, at: .init()) { enrolled.append(agent) }
            return true
        }
        return enrolled
    }
}
