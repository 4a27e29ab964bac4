import Appraisal
import AssayCrypto
import Bytes
package import SystemPackage

/// What reading a whole store came to: every value of every database, and how they fit each other.
package struct StoreCheck: Sendable {
    /// The schema's version.
    package private(set) var version: UInt32 = 0
    /// Agents enrolled.
    package private(set) var agents = 0
    /// Entries read.
    package private(set) var entries = 0
    /// What is wrong, each with its place; the first thousand.
    package private(set) var problems: [StoreError] = []

    private static let problemLimit = 1000

    /// Reads a store, as one snapshot, while others use it.
    ///
    /// - Throws: what keeps it from being read at all.
    package init(_ path: FilePath) throws(StoreError) {
        try StoreFolder.prepare(path, creating: false)
        let environment = try Environment(
            path: path, readOnly: true, mapSize: .init(), maximumDatabases: Schema.maximumDatabases)
        defer { environment.close() }
        self = try environment.read { (transaction) throws(StoreError) in try StoreCheck(transaction) }
    }

    fileprivate init(_ transaction: borrowing ReadTransaction) throws(StoreError) {
        let schema = try Schema(openingPresent: transaction)
        guard let header = try transaction.bytes(of: Schema.MetaKey.header, in: schema.meta).flatMap(StoreHeader.init)
        else { throw StoreError(.foreign, "an LMDB file of another program") }
        version = header.version
        guard Migration.versions.contains(version) else {
            throw StoreError(.newerSchema(version), "schema \(version), this Assay knows \(Schema.version)")
        }
        for key in [
            Schema.MetaKey.generation, Schema.MetaKey.denyGeneration, Schema.MetaKey.eventNumber,
            Schema.MetaKey.attestationKeys,
        ] {
            attempt { () throws(StoreError) in _ = try schema.counter(key, transaction) }
        }
        let names = try checkPolicies(schema, transaction)
        let ids = try checkAgents(schema, names, transaction)
        try checkWhatIsOfAgents(schema, ids, transaction)
        try checkRest(schema, transaction)
    }

    private mutating func add(_ problem: StoreError) {
        if problems.count < Self.problemLimit { problems.append(problem) }
    }

    private mutating func attempt(_ body: () throws(StoreError) -> Void) {
        do throws(StoreError) { try body() } catch { add(error) }
    }

    private mutating func expect(_ condition: Bool, _ detail: String, _ place: StoreError.Place) {
        if !condition { add(StoreError(.damaged, detail, at: place)) }
    }
}

extension StoreCheck {
    /// - Returns: the policies' names.
    private mutating func checkPolicies(
        _ schema: Schema, _ transaction: borrowing ReadTransaction
    ) throws(StoreError) -> Set<String> {
        for database in [schema.policies, schema.compiledPolicies] {
            try each(database, transaction) { check, key, value throws(StoreError) in
                let policy = try StoredPolicy(stored: value, at: .init(database: database.name))
                guard database.name == schema.policies.name else { return }
                check.expect(
                    PCRBank.sha256.digest(of: policy.bytes).bytes == key, "the source of another policy",
                    .init(database: database.name))
            }
        }
        var names: Set<String> = []
        try each(schema.policyNames, transaction) { check, _, value throws(StoreError) in
            let place = StoreError.Place(database: schema.policyNames.name)
            let name = try PolicyName(stored: value, at: place)
            names.insert(name.name)
            let exists = try transaction.bytes(of: name.contentHash.bytes, in: schema.policies) != nil
            check.expect(exists, "policy \(name.name) stands for one that isn't there", place)
        }
        return names
    }

    /// - Returns: the agents' ids.
    private mutating func checkAgents(
        _ schema: Schema, _ names: Set<String>, _ transaction: borrowing ReadTransaction
    ) throws(StoreError) -> Set<[UInt8]> {
        var ids: Set<[UInt8]> = []
        try each(schema.agents, transaction) { check, key, value throws(StoreError) in
            let id = Array(key.dropLast())
            let place = StoreError.Place(database: schema.agents.name, agent: id)
            ids.insert(id)
            let agent = try Agent(stored: value, at: place)
            check.expect(agent.id.bytes == id && key.last == 0, "the value of another agent", place)
            if let name = agent.policyName { check.expect(names.contains(name), "there is no policy \(name)", place) }
            guard try schema.knowsAttestationKeys(transaction) else { return }
            let isFound = try transaction.bytes(of: Schema.key(of: agent), in: schema.attestationKeys) != nil
            check.expect(isFound, "the agent's attestation key can't be found", place)
        }
        agents = ids.count
        for bytes in ids {
            attempt { () throws(StoreError) in try Self.fit(try AgentID(bytes), schema, transaction) }
        }
        return ids
    }

    /// Whether the parts of one agent fit each other.
    private static func fit(
        _ id: AgentID, _ schema: Schema, _ transaction: borrowing ReadTransaction
    ) throws(StoreError) {
        func require(_ condition: Bool, _ detail: String, _ database: Database) throws(StoreError) {
            guard condition else {
                throw StoreError(.damaged, detail, at: .init(database: database.name, agent: id.bytes))
            }
        }
        let state: AttestationState? = try transaction.load(of: id, in: schema.states)
        let verdict: Verdict? = try transaction.load(of: id, in: schema.verdicts)
        let number = verdict?.number ?? 0
        try require(state?.verdictNumber ?? 0 <= number, "a state without its verdict", schema.states)
        if let state, let count = state.keyCount {
            let model = try schema.keyrings(of: id, unusable: [], transaction)
            try require(model.count == Int(count), "\(model.count) keys where the state has \(count)", schema.keyrings)
        }
        if let verdict {
            let findings = try schema.findings(number, of: id, transaction)
            try require(
                findings.failures == verdict.failures && findings.warnings == verdict.warnings,
                "the findings are not the verdict's", schema.findings)
        }
        let key = schema.numberedKey(HistoryPage.number(of: number), of: id)
        if let last = try transaction.load(HistoryPage.self, key: key, of: id, in: schema.history)?.verdicts.last,
            let verdict, last.verdict.number == number
        {
            try require(last.verdict == verdict, "the last verdict is another one", schema.history)
        }
    }

    private mutating func checkWhatIsOfAgents(
        _ schema: Schema, _ ids: Set<[UInt8]>, _ transaction: borrowing ReadTransaction
    ) throws(StoreError) {
        for database in schema.ofOneAgent where database.name != schema.agents.name {
            try each(database, transaction) { check, key, value throws(StoreError) in
                let id = Array(key.prefix { $0 != 0 })
                let place = StoreError.Place(database: database.name, agent: id.isEmpty ? nil : id)
                check.expect(id.isEmpty || ids.contains(id), "an entry of an agent that isn't enrolled", place)
                try Self.read(value, of: database, schema, key, place)
            }
        }
    }

    private static func read(
        _ value: Span<UInt8>, of database: Database, _ schema: Schema, _ key: [UInt8], _ place: StoreError.Place
    ) throws(StoreError) {
        switch database.name {
        case schema.states.name: _ = try AttestationState(stored: value, at: place)
        case schema.verdicts.name: _ = try Verdict(stored: value, at: place)
        case schema.findings.name: _ = try StoredFindings(stored: value, at: place)
        case schema.history.name: _ = try HistoryPage(stored: value, at: place)
        case schema.events.name: _ = try Event(stored: value, at: place)
        case schema.keyHistory.name: _ = try KeySighting(stored: value, at: place)
        case schema.scratch.name: _ = try Scratch(stored: value, at: place)
        case schema.positions.name:
            let record = try Position(stored: value, at: place).state.nextRecord
            guard key.suffix(8) == schema.bigEndian(record)[...] else {
                throw StoreError(.damaged, "the value of another position", at: place)
            }
        case schema.reattestations.name: _ = try Reattestation(stored: value, at: place)
        case schema.learning.name:
            if Schema.isLearningRequest(key) {
                _ = try LearningRequest(stored: value, at: place)
            } else {
                _ = try LearningAnswer(stored: value, at: place)
            }
        case schema.withdrawals.name: _ = try Withdrawal(stored: value, at: place)
        case schema.keyrings.name:
            let stored = try StoredKey(stored: value, at: place)
            let ring = PCRBank.sha256.digest(of: stored.keyring).bytes
            guard key.suffix(64) == (ring + stored.key.certificateFingerprint.bytes)[...] else {
                throw StoreError(.damaged, "the value of another key", at: place)
            }
        default: return
        }
    }

    /// What is not one agent's; and the databases of other releases, whose every entry is at least read.
    private mutating func checkRest(
        _ schema: Schema, _ transaction: borrowing ReadTransaction
    ) throws(StoreError) {
        try each(schema.deniedKeys, transaction) { check, key, value throws(StoreError) in
            let place = StoreError.Place(database: schema.deniedKeys.name)
            let denied = try DeniedKey(stored: value, at: place)
            check.expect(denied.keyHash.bytes == key, "the value of another key", place)
        }
        try each(schema.trials, transaction) { check, key, value throws(StoreError) in
            let place = StoreError.Place(database: schema.trials.name)
            switch key.count {
            case 8:
                check.expect(
                    schema.bigEndian(try Trial(stored: value, at: place).number) == key, "another trial", place)
            case 9: _ = try StoredPolicy(stored: value, at: place)
            default: _ = try TrialResult(stored: value, at: place)
            }
        }
        try each(schema.attestationKeys, transaction) { _, _, _ throws(StoreError) in }
        let known = Set(schema.all.map(\.name))
        for other in try transaction.contents() where !known.contains(other.name) {
            guard let database = try transaction.open(other.name) else { continue }
            try each(database, transaction) { _, _, _ throws(StoreError) in }
        }
    }

    /// Visits every entry; what is wrong with one is noted, and the next is visited.
    private mutating func each(
        _ database: Database, _ transaction: borrowing ReadTransaction,
        _ visit: (inout StoreCheck, _ key: [UInt8], _ value: Span<UInt8>) throws(StoreError) -> Void
    ) throws(StoreError) {
        try transaction.scan(database, prefix: []) { (key, value) throws(StoreError) in
            entries += 1
            do throws(StoreError) {
                try visit(&self, [UInt8](copying: key), value)
            } catch {
                add(error)
            }
            return true
        }
    }
}

extension Store {
    /// Reads all of the store, which this process has open.
    package func check() throws(StoreError) -> StoreCheck {
        try environment.read { (transaction) throws(StoreError) in try StoreCheck(transaction) }
    }
}
