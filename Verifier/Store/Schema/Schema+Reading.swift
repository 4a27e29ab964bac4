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

    /// The generation that the change under way is about to have: as a number, no two requests share it.
    func nextGeneration(_ transaction: borrowing some Transaction & ~Copyable) throws(StoreError) -> UInt64 {
        try counter(MetaKey.generation, transaction) &+ 1
    }

    /// What the lines of a page have in common.
    struct Listing {
        let denials: Denials
        /// Whether there is anything at all to look up: mostly there is not.
        let hasScratch: Bool
        let hasReattestations: Bool
        let hasWithdrawals: Bool
    }

    func listing(_ transaction: borrowing some Transaction & ~Copyable) throws(StoreError) -> Listing {
        Listing(
            denials: try denials(transaction), hasScratch: try transaction.count(of: scratch) > 0,
            hasReattestations: try transaction.count(of: reattestations) > 0,
            hasWithdrawals: try transaction.count(of: withdrawals) > 0)
    }

    /// A line of the listing, of an entry of `agents`.
    func summary(
        _ key: Span<UInt8>, _ value: Span<UInt8>, _ listing: Listing,
        _ transaction: borrowing some Transaction & ~Copyable
    ) -> Result<AgentSummary, StoreError> {
        let key = [UInt8](copying: key)
        do throws(StoreError) {
            var summary = try AgentSummary(agent: value, at: .init(database: agents.name))
            let id = summary.id
            guard key.count == id.bytes.count + 1, key.starts(with: id.bytes) else {
                throw StoreError(.damaged, "the value of another agent", at: .init(database: agents.name))
            }
            summary.position = try transaction.value(of: key, in: states) { (value) throws(StoreError) in
                try AgentSummary.Position(state: value, at: .init(database: states.name))
            }
            summary.verdict = try transaction.load(key: key, of: id, in: verdicts)
            if let position = summary.position, position.denyGeneration != listing.denials.generation,
                let state: AttestationState = try transaction.load(key: key, of: id, in: states)
            {
                summary.deniedKeys = try changedKeys(listing.denials, state, of: id, transaction)
                    .intersection(listing.denials.denied)
            }
            if listing.hasScratch, case .usable(let scratch) = try scratch(of: id, transaction) {
                summary.transfer = scratch.transfer
            }
            if listing.hasReattestations {
                summary.reattestation = try transaction.load(key: key, of: id, in: reattestations)
            }
            if listing.hasWithdrawals, let verdict = summary.verdict {
                summary.withdrawnAt = try withdrawal(of: verdict, id, transaction)
            }
            return .success(summary)
        } catch {
            return .failure(error.at(agent: Array(key.dropLast())))
        }
    }
}
