package import AssayCrypto
import Bytes

// What commands write. Each is one durable transaction, and counts the generation up so that a server notices.
extension Store {
    /// Enrols an agent.
    ///
    /// - Parameter replacing: whether one of this id may be enrolled already, or another one with its attestation key. What
    ///   is known of this id is then dropped: it begins like a new one. The other one stays as it is.
    /// - Returns: another agent that has the attestation key, too; nil for none.
    /// - Throws: `alreadyExists`; `attestationKeyTaken`; `notFound` if the policy that it names doesn't exist.
    @discardableResult
    package func enrol(_ agent: Agent, replacing: Bool = false) async throws(StoreError) -> AgentID? {
        let schema = schema
        return try await changing { (transaction, changes) throws(StoreError) in
            let isEnrolled = try transaction.bytes(of: agent.id.key, in: schema.agents) != nil
            guard replacing || !isEnrolled else {
                throw StoreError(.alreadyExists, "the agent is enrolled", at: .init(agent: agent.id.bytes))
            }
            let holder = try schema.holder(
                ofAttestationKey: agent.attestationKeyName, besides: agent.id, transaction)
            if let holder, !replacing {
                throw StoreError(
                    .attestationKeyTaken, "another agent has this attestation key", at: .init(agent: holder.bytes))
            }
            if let name = agent.policyName { try schema.requirePolicy(name, transaction) }
            try schema.drop(agent.id, from: schema.ofOneAgent, transaction, &changes)
            try schema.enter(
                agent, inPlaceOf: try schema.readable(agent.id, transaction), transaction, &changes)
            try schema.record([.enrolled], of: agent.id, at: agent.enrolledAt, transaction, &changes)
            return holder
        }
    }

    /// Removes an agent, and all that is known of it.
    package func remove(_ id: AgentID) async throws(StoreError) {
        try await change { (schema, transaction, changes) throws(StoreError) in
            // Not read, only looked up: a damaged agent can be removed, too.
            guard try transaction.bytes(of: id.key, in: schema.agents) != nil else {
                throw StoreError(.notFound, "no such agent is enrolled", at: .init(agent: id.bytes))
            }
            try schema.remove(id, byRule: false, at: currentTime(), transaction, &changes)
        }
    }

    /// Revokes an agent, or takes that back.
    ///
    /// - Parameter time: seconds since 1970; nil takes it back.
    package func setRevocation(of id: AgentID, at time: Int64?) async throws(StoreError) {
        try await change { (schema, transaction, changes) throws(StoreError) in
            var agent = try schema.agent(id, transaction)
            agent.revokedAt = time
            changes.put(id.key, agent.stored, in: schema.agents)
            try schema.record(
                [time == nil ? .reinstated : .revoked], of: id, at: time ?? currentTime(), transaction, &changes)
        }
    }

    /// Has an agent judged by the policy of a name; nil by none. Invitations to it bring no other one any more.
    ///
    /// - Throws: `notFound` if there is no such agent, or no such policy.
    package func assignPolicy(_ name: String?, to id: AgentID) async throws(StoreError) {
        try await change { (schema, transaction, changes) throws(StoreError) in
            if let name { try schema.requirePolicy(name, transaction) }
            var agent = try schema.agent(id, transaction)
            agent.policyName = name
            changes.put(id.key, agent.stored, in: schema.agents)
            try schema.setPolicy(name, ofInvitationsTo: id, transaction, &changes)
            try schema.record([.policyAssigned(name)], of: id, at: currentTime(), transaction, &changes)
        }
    }

    /// Puts a policy under a name, in place of the one that had it. Agents with that name are judged by it from now on.
    ///
    /// - Parameters:
    ///   - source: as uploaded. Policies with the same source are stored once.
    ///   - compiled: its compiled form, in place of the stored one.
    ///   - time: seconds since 1970.
    /// - Returns: SHA-256 of the source, by which the policy is looked up.
    @discardableResult
    package func putPolicy(
        _ name: String, source: [UInt8], compiled: [UInt8], at time: Int64
    ) async throws(StoreError) -> Digest {
        let key = try PolicyName.key(name)
        let value = PolicyName(name: name, contentHash: PCRBank.sha256.digest(of: source), putAt: time)
        try await change { (schema, transaction, changes) throws(StoreError) in
            changes.put(value.contentHash.bytes, StoredPolicy(source).stored, in: schema.policies)
            changes.put(value.contentHash.bytes, StoredPolicy(compiled).stored, in: schema.compiledPolicies)
            changes.put(key, value.stored, in: schema.policyNames)
            try schema.record(
                [.policyPut(name, contentHash: value.contentHash)], of: nil, at: time, transaction, &changes)
        }
        return value.contentHash
    }

    /// Forgets position and keyrings of an agent, so that its log is appraised from record 0. The last verdict stays,
    /// unless it is damaged.
    package func discardState(of id: AgentID) async throws(StoreError) {
        try await change { (schema, transaction, changes) throws(StoreError) in
            _ = try schema.agent(id, transaction)
            try schema.drop(
                id, from: [schema.states, schema.keyrings, schema.scratch, schema.reattestations, schema.positions],
                transaction, &changes)
            changes.delete(schema.numberedKey(Schema.carriedFindings, of: id), in: schema.findings)
            do throws(StoreError) {
                _ = try transaction.load(Verdict.self, of: id, in: schema.verdicts)
            } catch {
                guard error.code == .damaged else { throw error }
                try schema.drop(id, from: [schema.verdicts, schema.findings, schema.history], transaction, &changes)
            }
            try schema.record([.stateDiscarded], of: id, at: currentTime(), transaction, &changes)
        }
    }

    func change(
        _ plan:
            @escaping @Sendable (Schema, borrowing WriteTransaction, inout Changes) throws(StoreError) -> Void
    ) async throws(StoreError) {
        let schema = schema
        try await changing { (transaction, changes) throws(StoreError) in try plan(schema, transaction, &changes) }
    }

    /// Carries changes out in one transaction, and counts the generation up.
    func changing<Output: Sendable>(
        _ plan: @escaping WriteOperation.Plan<Output>
    ) async throws(StoreError) -> Output {
        let schema = schema
        return try await writer.perform { (transaction, changes) throws(StoreError) in
            let output = try plan(transaction, &changes)
            if try schema.knowsAttestationKeys(transaction) { try schema.keepAttestationKeys(transaction, &changes) }
            try schema.countUp(Schema.MetaKey.generation, transaction, &changes)
            return output
        }
    }
}

extension Schema {
    /// Removes all that is known of an agent, and says so in an event of the store.
    func remove(
        _ id: AgentID, byRule: Bool, at time: Int64, _ transaction: borrowing WriteTransaction,
        _ changes: inout Changes
    ) throws(StoreError) {
        try forgetAttestationKey(of: id, transaction, &changes)
        try drop(id, from: ofOneAgent, transaction, &changes)
        try forget(id, transaction, &changes)
        try record([.removed(agent: id.bytes, byRule: byRule)], of: nil, at: time, transaction, &changes)
    }

    /// The databases whose keys begin with an agent.
    var ofOneAgent: [Database] {
        [
            agents, states, keyrings, verdicts, findings, history, keyHistory, events, identities, scratch,
            reattestations, positions, withdrawals, learning,
        ]
    }

    func requirePolicy(
        _ name: String, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) {
        guard try transaction.bytes(of: PolicyName.key(name), in: policyNames) != nil else {
            throw StoreError(.notFound, "there is no policy \(name)")
        }
    }

    /// Removes all that databases have of an agent, read or not.
    func drop(
        _ id: AgentID, from databases: [Database], _ transaction: borrowing WriteTransaction,
        _ changes: inout Changes
    ) throws(StoreError) {
        for database in databases {
            var keys: [[UInt8]] = []
            try transaction.scan(database, prefix: id.key) { (key, _) throws(StoreError) in
                keys.append([UInt8](copying: key))
                return true
            }
            for key in keys { changes.delete(key, in: database) }
        }
    }

    func countUp(
        _ key: [UInt8], _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        var writer = ByteWriter()
        writer.integer(try counter(key, transaction) &+ 1)
        changes.put(key, writer.bytes, in: meta)
    }
}
