internal import AssayCrypto
internal import Bytes

// Policies' names: who is judged by them, and their end.
extension Store {
    /// The agents that are judged by the policy of a name, ascending by id.
    ///
    /// - Throws: `notFound` if there is no such policy.
    package func agents(judgedBy name: String) throws(StoreError) -> [AgentID] {
        try environment.read { (transaction) throws(StoreError) in
            try schema.requirePolicy(name, transaction)
            return try schema.agents(judgedBy: name, transaction)
        }
    }

    /// How many agents each policy's name judges; names that judge nobody are left out.
    package func policyAssignments() throws(StoreError) -> [String: Int] {
        try environment.read { (transaction) throws(StoreError) in
            var counts: [String: Int] = [:]
            try schema.eachPolicyName(transaction) { _, name in counts[name, default: 0] += 1 }
            return counts
        }
    }

    /// Deletes a policy's name, and the policy with it unless another name stands for it, too.
    ///
    /// - Throws: `notFound`; `inUse` while agents are judged by it.
    package func deletePolicy(_ name: String) async throws(StoreError) {
        let key = try PolicyName.key(name)
        try await change { (schema, transaction, changes) throws(StoreError) in
            guard let policy = try transaction.load(PolicyName.self, key: key, in: schema.policyNames) else {
                throw StoreError(.notFound, "there is no policy \(name)")
            }
            let judged = try schema.agents(judgedBy: name, transaction)
            guard judged.isEmpty else { throw StoreError(.inUse, Self.refusal(name, judged)) }
            changes.delete(key, in: schema.policyNames)
            guard try schema.isOnlyName(key, of: policy.contentHash, transaction) else { return }
            changes.delete(policy.contentHash.bytes, in: schema.policies)
            changes.delete(policy.contentHash.bytes, in: schema.compiledPolicies)
        }
    }

    /// Who is in the way; of many the first few.
    private static func refusal(_ name: String, _ judged: [AgentID]) -> String {
        let shown = judged.prefix(10).map(\.description).joined(separator: ", ")
        let more = judged.count > 10 ? " and \(judged.count - 10) more" : ""
        return "the policy \(name) judges \(judged.count) agent\(judged.count == 1 ? "" : "s"): \(shown)\(more)"
    }
}

extension Schema {
    fileprivate func agents(
        judgedBy name: String, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> [AgentID] {
        var judged: [AgentID] = []
        try eachPolicyName(transaction) { agent, assigned in
            if assigned == name { judged.append(agent) }
        }
        return judged
    }

    /// Visits each agent that has a policy. One whose value is damaged is judged by none: its sessions fail.
    fileprivate func eachPolicyName(
        _ transaction: borrowing some Transaction & ~Copyable, _ visit: (AgentID, String) -> Void
    ) throws(StoreError) {
        try transaction.scan(agents, prefix: []) { (_, value) throws(StoreError) in
            let agent = try? Agent(stored: value, at: .init(database: agents.name))
            if let agent, let name = agent.policyName { visit(agent.id, name) }
            return true
        }
    }

    fileprivate func isOnlyName(
        _ key: [UInt8], of contentHash: Digest, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Bool {
        var isOnly = true
        try transaction.scan(policyNames, prefix: []) { (other, value) throws(StoreError) in
            let name = try PolicyName(stored: value, at: .init(database: policyNames.name))
            if name.contentHash == contentHash, [UInt8](copying: other) != key { isOnly = false }
            return isOnly
        }
        return isOnly
    }
}
