import Appraisal
import AssayCrypto
import Bytes

// What is read of several databases, in any transaction.
extension Schema {
    /// Refuses a store that was moved to another version while it was open.
    func checkVersion(_ transaction: borrowing some Transaction & ~Copyable) throws(StoreError) {
        guard let header = try transaction.bytes(of: MetaKey.header, in: meta).flatMap(StoreHeader.init) else {
            throw StoreError(.damaged, "the header is gone", at: .init(database: meta.name))
        }
        try header.checkVersion()
    }

    func agent(_ id: AgentID, _ transaction: borrowing some Transaction & ~Copyable) throws(StoreError) -> Agent {
        guard let agent = try transaction.load(Agent.self, of: id, in: agents) else {
            throw StoreError(.notFound, "no such agent is enrolled", at: .init(agent: id.bytes))
        }
        guard agent.id == id else {
            throw StoreError(.damaged, "the value of another agent", at: .init(database: agents.name, agent: id.bytes))
        }
        return agent
    }

    /// What an agent's policy name stands for; nil if it has none, or the name is gone.
    func policyHash(
        of agent: Agent, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Digest? {
        guard let name = agent.policyName else { return nil }
        let key = try PolicyName.key(name)
        return try transaction.load(PolicyName.self, key: key, in: policyNames)?.contentHash
    }

    func appraisal(
        _ state: AttestationState, of id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> AppraisalState {
        AppraisalState(
            nextRecord: state.nextRecord, recordsReceived: state.recordsReceived, fileRecords: state.fileRecords,
            lanes: state.lanes, keyrings: try keyrings(of: id, unusable: state.unusableKeys, transaction),
            findings: try findings(Self.carriedFindings, of: id, transaction), logBytes: state.logBytes)
    }

    func keyrings(
        of id: AgentID, unusable: Set<KeyID>, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> KeyringModel {
        var keyrings: [[UInt8]: [LearnedKey]] = [:]
        try transaction.scan(self.keyrings, prefix: id.key) { (_, value) throws(StoreError) in
            let stored = try StoredKey(
                stored: value, at: .init(database: self.keyrings.name, agent: id.bytes))
            keyrings[stored.keyring, default: []].append(stored.key)
            return true
        }
        // The model has keys in the order in which they were learned, the database by their digest.
        for name in keyrings.keys { keyrings[name]?.sort { $0.record < $1.record } }
        return KeyringModel(keyrings: keyrings, unusable: unusable)
    }

    /// In place of a verdict's number: the findings that the next round of the epoch goes on with.
    static let carriedFindings: UInt64 = 0

    func findings(
        _ number: UInt64, of id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Findings {
        try transaction.value(of: numberedKey(number, of: id), in: findings) { (value) throws(StoreError) in
            try StoredFindings(stored: value, at: .init(database: findings.name, agent: id.bytes)).findings
        } ?? Findings()
    }

    /// A counter of `meta`; 0 if it was never counted up.
    func counter(
        _ key: [UInt8], _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> UInt64 {
        guard let bytes = try transaction.bytes(of: key, in: meta) else { return 0 }
        var reader = ByteReader(bytes.span)
        guard bytes.count == 8, let count = try? reader.integer(UInt64.self) else {
            throw StoreError(.damaged, "a counter isn't 8 bytes long", at: .init(database: meta.name))
        }
        return count
    }

    private func transfer(
        of id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> LogTransfer? {
        guard case .usable(let scratch) = try scratch(of: id, transaction) else { return nil }
        return scratch.transfer
    }

    /// A line of the listing, of an entry of `agents`.
    func summary(
        _ key: Span<UInt8>, _ value: Span<UInt8>, _ denials: Denials,
        _ transaction: borrowing some Transaction & ~Copyable
    ) -> Result<AgentSummary, StoreError> {
        let key = [UInt8](copying: key)
        let name = Array(key.dropLast())
        do throws(StoreError) {
            let agent = try Agent(stored: value, at: .init(database: agents.name, agent: name))
            guard agent.id.bytes == name else {
                throw StoreError(.damaged, "the value of another agent", at: .init(database: agents.name))
            }
            let state: AttestationState? = try transaction.load(key: key, of: agent.id, in: states)
            let changed = try state.map { (state) throws(StoreError) in
                try changedKeys(denials, state, of: agent.id, transaction)
            }
            return .success(
                AgentSummary(
                    agent: agent, state: state, verdict: try transaction.load(key: key, of: agent.id, in: verdicts),
                    deniedKeys: changed?.intersection(denials.denied) ?? [],
                    transfer: try transfer(of: agent.id, transaction),
                    reattestation: try transaction.load(key: key, of: agent.id, in: reattestations)))
        } catch {
            return .failure(error.at(agent: name))
        }
    }
}
