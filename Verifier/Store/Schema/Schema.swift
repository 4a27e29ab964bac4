import AssayCrypto
import Bytes

/// The store's named databases. Schema version 2.
///
/// Integers in keys and values are big endian. *agent* is an agent's id and a zero byte (``AgentID``), so that all that
/// belongs to an agent is a prefix scan, and sorts by id. Every value but the header begins with a layout byte and is
/// checked when it is read (``StoredValue``); the value's type documents its fields.
///
/// | database | key | value | written by |
/// | --- | --- | --- | --- |
/// | `meta` | `store` | ``StoreHeader``: magic, schema version, store id; this layout never changes | whoever makes the store |
/// | `meta` | `generation` | u64: counts changes to agents, policies, assignments, denied keys | each such command |
/// | `meta` | `deny-generation` | u64: counts changes to the denied keys | `deny`, `allow` |
/// | `agents` | agent | ``Agent``: attestation key, policy's name, revocation; about 0.4 KiB | `enrol`, `assignPolicy`, `revoke` |
/// | `states` | agent | ``AttestationState``: epoch, position, PCR values; about 0.3 KiB | `commit`, each round |
/// | `keyrings` | agent, SHA-256 of the keyring's name, SHA-256 of the certificate or bare key | ``StoredKey``: one learned key; its DER and about 0.1 KiB | `commit`, when a key is new or gone |
/// | `verdicts` | agent | ``Verdict``: the last one, in short; about 0.2 KiB | `commit`, each round |
/// | `findings` | agent, u64 verdict number | ``StoredFindings``: what that verdict rests on, and under 0 what the epoch's next round goes on with; only where there is something | `commit` |
/// | `policies` | SHA-256 of the source | ``StoredPolicy``: the source as uploaded | `putPolicy` |
/// | `compiled-policies` | SHA-256 of the source | ``StoredPolicy``: the compiled form, made again if its layout is older | `putPolicy` |
/// | `policy-names` | the name, UTF-8 | ``PolicyName``: SHA-256 of the source, time | `putPolicy` |
/// | `meta` | `identity-mode` | ``IdentityMode``: what agents' identities rest on | `init` |
/// | `identities` | agent | ``AgentIdentity``: endorsement key, certificates issued; about 2 KiB; only for agents that joined | `join`, renewals |
/// | `attestation-keys` | SHA-256 of an attestation key's name, agent | one byte: who is enrolled with which key; about 0.1 KiB | `enrol`, `join` |
/// | `meta` | `attestation-keys` | u64: the generation that `attestation-keys` is as of; another one's is made anew | whatever counts `generation` up |
/// | `invitations` | SHA-256 of the token's secret | ``Invitation``: for whom, uses left, who used it; about 0.1 KiB and 0.1 KiB a use | `invite`, `join` |
/// | `scratch` | agent | ``Scratch``: a log on its way, provisional; about 0.6 KiB and 1 KiB a learned key | sessions while shards come; dropped by the next `commit` |
/// | `positions` | agent, u64 record | ``Position``: where an appraisal can go back to; at most 4, about 0.3 KiB each, up to 8 KiB with findings | `commit`, where a log has grown |
/// | `reattestations` | agent | ``Reattestation``: the log is to be appraised again | `reattest`; dropped by the commit that meets it |
/// | `withdrawals` | agent | ``Withdrawal``: its last verdict is stamped later than now, and doesn't stand | the server; dropped by the next `commit` |
/// | `denied-keys` | SHA-256 of a SubjectPublicKeyInfo | ``DeniedKey``: since when it is denied, or allowed again | `deny`, `allow` |
/// | `history` | agent, u64 number of the page | ``HistoryPage``: up to 16 verdicts, about 15 bytes each | `commit`, each round; thinned by it and by `ageHistories` |
/// | `key-history` | as in `keyrings` | ``KeySighting``: a key over all boots; about 0.2 KiB | `commit`, when a key is new or gone |
/// | `events` | agent, or a zero byte for the store as a whole; u64 number of the event | ``Event``: what happened, and when; about 0.1 KiB | whatever brings it, in its own transaction |
/// | `meta` | `event-number` | u64: counts events | the same |
/// | `trials` | u64 number | ``Trial``: a policy that is tried, and until when | `policy try`; dropped by its end, or by the next one |
/// | `trials` | u64 number, a zero byte | ``StoredPolicy``: the tried policy, compiled | the same |
/// | `trials` | u64 number, agent | ``TrialResult``: what it would find; up to 30 KiB where much would fail | sessions, at the end of a round |
/// | `learning` | agent | ``LearningRequest``: its log is to be read whole, and until when | `policy learn`; dropped by its end, or by the next one |
/// | `learning` | agent, u64 number of the request | ``LearningAnswer``: what the log holds; about 0.1 KiB a file | the agent's session, at the end of the round |
///
/// Verdicts are numbered per agent. A database that isn't there yet is an empty one.
struct Schema: Sendable {
    /// The version that this code reads and writes.
    static let version: UInt32 = 2
    /// Named databases that an environment has room for.
    static let maximumDatabases = 32

    let meta: Database
    let agents: Database
    let states: Database
    let keyrings: Database
    let verdicts: Database
    let findings: Database
    let policies: Database
    let compiledPolicies: Database
    let policyNames: Database
    let deniedKeys: Database
    // Those that the first stores of this version did without: made when such a store is opened for writing.
    let history: Database
    let keyHistory: Database
    let events: Database
    let identities: Database
    let invitations: Database
    let scratch: Database
    let reattestations: Database
    let positions: Database
    let trials: Database
    let attestationKeys: Database
    let withdrawals: Database
    let learning: Database

    /// How much of the past is kept.
    var bounds = HistoryBounds()

    /// Keys of `meta`.
    enum MetaKey {
        static let header = Array("store".utf8)
        static let generation = Array("generation".utf8)
        static let denyGeneration = Array("deny-generation".utf8)
        static let identityMode = Array("identity-mode".utf8)
        static let eventNumber = Array("event-number".utf8)
        static let attestationKeys = Array("attestation-keys".utf8)
    }

    /// Opens the databases of an environment. A new one gets them and its header in one transaction; an older store of
    /// this version gets those that it lacks, unless it is opened for reading: then they read as empty.
    static func open(in environment: Environment) throws(StoreError) -> Schema {
        let found = try environment.read { (transaction) throws(StoreError) in try Schema(opening: transaction) }
        if let found, found.isComplete || environment.isReadOnly { return found }
        return try environment.write { (transaction) throws(StoreError) in
            // Another process may have been first.
            let isNew = try Schema(opening: transaction) == nil
            let schema = try Schema(creating: transaction)
            if isNew { try transaction.put(MetaKey.header, StoreHeader.new().bytes, in: schema.meta) }
            return schema
        }
    }

    /// Opens the databases of a store of this version; nil for an environment with nothing in it.
    private init?(opening transaction: borrowing some Transaction & ~Copyable) throws(StoreError) {
        guard let meta = try transaction.open("meta") else {
            guard try transaction.isEmpty() else { throw StoreError(.foreign, "an LMDB file of another program") }
            return nil
        }
        guard let header = try transaction.bytes(of: MetaKey.header, in: meta).flatMap(StoreHeader.init) else {
            throw StoreError(.foreign, "an LMDB file of another program")
        }
        try header.checkVersion()
        try self.init(
            needed: { (name) throws(StoreError) in
                guard let database = try transaction.open(name) else {
                    throw StoreError(.damaged, "a database is missing", at: .init(database: name))
                }
                return database
            },
            added: { (name) throws(StoreError) in
                try transaction.open(name) ?? Database(name: name, handle: nil)
            })
    }

    /// Opens all databases, and makes those that are missing.
    init(creating transaction: borrowing WriteTransaction) throws(StoreError) {
        try self.init(
            needed: { (name) throws(StoreError) in try transaction.create(name) },
            added: { (name) throws(StoreError) in try transaction.create(name) })
    }

    /// Opens what is there: the rest reads as empty.
    init(openingPresent transaction: borrowing some Transaction & ~Copyable) throws(StoreError) {
        try self.init(
            needed: { (name) throws(StoreError) in try transaction.open(name) ?? Database(name: name, handle: nil) },
            added: { (name) throws(StoreError) in try transaction.open(name) ?? Database(name: name, handle: nil) })
    }

    /// - Parameters:
    ///   - needed: opens a database that every store of this version has.
    ///   - added: opens one that the first stores of this version did without.
    private init(
        needed: (_ name: String) throws(StoreError) -> Database, added: (_ name: String) throws(StoreError) -> Database
    ) throws(StoreError) {
        meta = try needed("meta")
        agents = try needed("agents")
        states = try needed("states")
        keyrings = try needed("keyrings")
        verdicts = try needed("verdicts")
        findings = try needed("findings")
        policies = try needed("policies")
        compiledPolicies = try needed("compiled-policies")
        policyNames = try needed("policy-names")
        deniedKeys = try needed("denied-keys")
        history = try added("history")
        keyHistory = try added("key-history")
        events = try added("events")
        identities = try added("identities")
        invitations = try added("invitations")
        scratch = try added("scratch")
        reattestations = try added("reattestations")
        positions = try added("positions")
        trials = try added("trials")
        attestationKeys = try added("attestation-keys")
        withdrawals = try added("withdrawals")
        learning = try added("learning")
    }

    /// All databases.
    var all: [Database] {
        [meta, agents, states, keyrings, verdicts, findings, policies, compiledPolicies, policyNames, deniedKeys]
            + added
    }

    /// Whether no database is missing.
    private var isComplete: Bool { added.allSatisfy(\.exists) }

    /// The databases that the first stores of this version did without.
    private var added: [Database] {
        [
            history, keyHistory, events, identities, invitations, scratch, reattestations, positions, trials,
            attestationKeys, withdrawals, learning,
        ]
    }
}
