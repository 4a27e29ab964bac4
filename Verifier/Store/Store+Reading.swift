package import Appraisal
package import AssayCrypto
import Bytes

// What sessions and commands read; each function sees one snapshot.
extension Store {
    /// All that a session needs of an agent.
    ///
    /// - Throws: `notFound` for an agent that isn't enrolled; `damaged` if a value of this agent is.
    package func snapshot(of id: AgentID) throws(StoreError) -> AgentSnapshot {
        try environment.read { (transaction) throws(StoreError) in
            let agent = try schema.agent(id, transaction)
            let state: AttestationState? = try transaction.load(of: id, in: schema.states)
            let denials = try schema.denials(transaction)
            let reattestation: Reattestation? = try transaction.load(of: id, in: schema.reattestations)
            let verdict: Verdict? = try transaction.load(of: id, in: schema.verdicts)
            return AgentSnapshot(
                agent: agent,
                policyHash: try schema.policyHash(of: agent, transaction),
                denyGeneration: denials.generation, deniedKeys: denials.denied,
                state: state,
                appraisal: try state.map { (state) throws(StoreError) in
                    try schema.appraisal(state, of: id, transaction)
                },
                verdict: verdict,
                withdrawnAt: try verdict.flatMap { (verdict) throws(StoreError) in
                    try schema.withdrawal(of: verdict, id, transaction)
                },
                changedKeys: try state.map { (state) throws(StoreError) in
                    try schema.changedKeys(denials, state, of: id, transaction)
                } ?? [],
                keptScratch: try schema.scratch(of: id, transaction),
                reattestation: reattestation,
                position: try reattestation.flatMap { (request) throws(StoreError) in
                    try schema.position(of: agent, state, for: request, denials, transaction)
                },
                // A trial or a request that is damaged must not keep anybody from being judged.
                trial: (try? schema.trial(for: agent, transaction)) ?? nil,
                learning: (try? schema.learning(of: id, transaction)) ?? nil)
        }
    }

    /// An agent as enrolled.
    ///
    /// - Throws: `notFound` for an agent that isn't enrolled.
    package func agent(_ id: AgentID) throws(StoreError) -> Agent {
        try environment.read { (transaction) throws(StoreError) in try schema.agent(id, transaction) }
    }

    /// The keys that an agent's kernel has loaded, as its log told.
    package func keyrings(of id: AgentID) throws(StoreError) -> KeyringModel {
        try environment.read { (transaction) throws(StoreError) in
            let state: AttestationState? = try transaction.load(of: id, in: schema.states)
            return try schema.keyrings(of: id, unusable: state?.unusableKeys ?? [], transaction)
        }
    }

    /// An agent's last verdict and its findings; nil before the first.
    package func verdict(of id: AgentID) throws(StoreError) -> (verdict: Verdict, findings: Findings)? {
        try environment.read { (transaction) throws(StoreError) in
            let stored: Verdict? = try transaction.load(of: id, in: schema.verdicts)
            guard let verdict = stored else { return nil }
            return (verdict, try schema.findings(verdict.number, of: id, transaction))
        }
    }

    /// What a policy's name stands for; nil if there is no such name.
    package func policy(named name: String) throws(StoreError) -> PolicyName? {
        let key = try PolicyName.key(name)
        return try environment.read { (transaction) throws(StoreError) in
            try transaction.load(key: key, in: schema.policyNames)
        }
    }

    /// All names of policies, ascending.
    package func policyNames() throws(StoreError) -> [PolicyName] {
        try environment.read { (transaction) throws(StoreError) in
            var names: [PolicyName] = []
            try transaction.scan(schema.policyNames, prefix: []) { (_, value) throws(StoreError) in
                names.append(try PolicyName(stored: value, at: .init(database: schema.policyNames.name)))
                return true
            }
            return names
        }
    }

    /// A policy's source, as it was uploaded; nil if there is no such policy.
    package func policySource(_ contentHash: Digest) throws(StoreError) -> [UInt8]? {
        try policy(contentHash, in: schema.policies)
    }

    /// A policy's compiled form; nil if there is no such policy.
    package func compiledPolicy(_ contentHash: Digest) throws(StoreError) -> [UInt8]? {
        try policy(contentHash, in: schema.compiledPolicies)
    }

    private func policy(_ contentHash: Digest, in database: Database) throws(StoreError) -> [UInt8]? {
        try environment.read { (transaction) throws(StoreError) in
            try transaction.load(StoredPolicy.self, key: contentHash.bytes, in: database)?.bytes
        }
    }

    /// The keys that an operator denied.
    package func deniedKeys() throws(StoreError) -> [DeniedKey] {
        try environment.read { (transaction) throws(StoreError) in
            try schema.denials(transaction).keys.filter(\.isDenied)
        }
    }

    /// Counts changes to agents, policies, assignments and denied keys, by whichever process: read it to notice them.
    package func readGeneration() throws(StoreError) -> UInt64 {
        try environment.read { (transaction) throws(StoreError) in
            try schema.counter(Schema.MetaKey.generation, transaction)
        }
    }

    /// A page of the agents, ascending by id.
    ///
    /// - Parameters:
    ///   - last: the last agent of the page before; nil for the first page.
    ///   - limit: the page's length; a page is one snapshot, so long ones keep old pages of the file alive.
    /// - Returns: summaries, and `damaged` in the place of one whose value is.
    package func agents(
        after last: AgentID? = nil, limit: Int = 1000
    ) throws(StoreError) -> [Result<AgentSummary, StoreError>] {
        // Behind an agent's key, which ends in 0, comes whatever begins with its id and a 1.
        let start = last.map { $0.bytes + [1] }
        return try environment.read { (transaction) throws(StoreError) in
            var page: [Result<AgentSummary, StoreError>] = []
            let listing = try schema.listing(transaction)
            try transaction.scan(schema.agents, prefix: [], from: start) { (key, value) throws(StoreError) in
                guard page.count < limit else { return false }
                page.append(schema.summary(key, value, listing, transaction))
                return true
            }
            return page
        }
    }
}
