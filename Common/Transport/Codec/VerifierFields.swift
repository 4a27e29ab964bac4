import AssayCrypto
import CAssayProto
import Messages
import TPM

extension Challenge {
    init(_ structure: Assay__V1__Challenge) throws(MessageError) {
        let fields = FieldReader(message: "Challenge")
        var banks: [PCRBank] = []
        for identifier in try fields.numbers("banks", structure.n_banks, structure.banks) {
            let bank = try fields.bank("banks", identifier)
            guard !banks.contains(bank) else { throw fields.error(.duplicate(UInt64(identifier)), "banks") }
            banks.append(bank)
        }
        self.init(
            round: structure.round,
            nonce: try fields.bytes("nonce", structure.nonce, FieldLimits.nonce),
            banks: banks, pcrs: try fields.pcrs("pcrs", structure.n_pcrs, structure.pcrs),
            firstRecord: structure.first_record, shardBytes: structure.shard_bytes, window: structure.window)
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__Challenge> {
        let structure = arena.make(assay__v1__challenge__init)
        structure.pointee.round = round
        structure.pointee.nonce = arena.bytes(nonce)
        structure.pointee.n_banks = banks.count
        structure.pointee.banks = arena.list(banks.map { UInt32($0.rawValue) })
        structure.pointee.n_pcrs = pcrs.indices.count
        structure.pointee.pcrs = arena.list(pcrs.indices.map { UInt32($0) })
        structure.pointee.first_record = firstRecord
        structure.pointee.shard_bytes = shardBytes
        structure.pointee.window = window
        return structure
    }
}

extension ShardCredit {
    init(_ structure: Assay__V1__ShardCredit) {
        self.init(round: structure.round, nextRecord: structure.next_record, window: structure.window)
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__ShardCredit> {
        let structure = arena.make(assay__v1__shard_credit__init)
        structure.pointee.round = round
        structure.pointee.next_record = nextRecord
        structure.pointee.window = window
        return structure
    }
}

extension Status {
    /// A code that this version doesn't know becomes UNKNOWN, as in gRPC: a newer peer's reason is still shown.
    init(_ structure: Assay__V1__Status) throws(MessageError) {
        self.init(
            Code(rawValue: structure.code) ?? .unknown,
            try FieldReader(message: "Status").text("message", structure.message),
            retryAfterSeconds: structure.retry_after_seconds, round: structure.round)
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__Status> {
        let structure = arena.make(assay__v1__status__init)
        structure.pointee.code = code.rawValue
        structure.pointee.message = arena.text(message)
        structure.pointee.retry_after_seconds = retryAfterSeconds
        structure.pointee.round = round
        return structure
    }
}

extension AttestationResult {
    init(_ structure: Assay__V1__AttestationResult) throws(MessageError) {
        let fields = FieldReader(message: "AttestationResult")
        guard let tier = UInt8(exactly: structure.tier.rawValue).flatMap(Tier.init(rawValue:)) else {
            throw fields.error(.value(UInt64(UInt32(truncatingIfNeeded: structure.tier.rawValue))), "tier")
        }
        self.init(
            round: structure.round, tier: tier, nextRecord: structure.next_record,
            recordsAppraised: structure.records_appraised, excessRecords: structure.excess_records,
            policySHA256: try fields.bytes("policy_sha256", structure.policy_sha256, 0...32),
            signaturesVerified: structure.signatures_verified, nextRoundSeconds: structure.next_round_seconds,
            identity: try fields.text("identity", structure.identity), boot: try fields.text("boot", structure.boot))
        guard [0, 32].contains(policySHA256.count) else {
            throw fields.error(.length(policySHA256.count, allowed: 32...32), "policy_sha256")
        }
        let findings = try fields.list(
            "findings", structure.n_findings, structure.findings, limit: FieldLimits.findings)
        for finding in findings { self.findings.append(try ReportedFinding(finding.pointee)) }
        let counts = try fields.list(
            "finding_counts", structure.n_finding_counts, structure.finding_counts, limit: FieldLimits.reasons)
        for count in counts {
            let reason = try FieldReader(message: "ReasonCount").text("reason", count.pointee.reason)
            findingCounts.append(ReasonCount(reason: reason, count: count.pointee.count))
        }
        let keyrings = try fields.list(
            "keyrings", structure.n_keyrings, structure.keyrings, limit: FieldLimits.keyrings)
        for keyring in keyrings { self.keyrings.append(try ReportedKeyring(keyring.pointee)) }
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__AttestationResult> {
        let structure = arena.make(assay__v1__attestation_result__init)
        structure.pointee.round = round
        structure.pointee.tier = Assay__V1__Tier(rawValue: .init(tier.rawValue))
        structure.pointee.next_record = nextRecord
        structure.pointee.records_appraised = recordsAppraised
        structure.pointee.excess_records = excessRecords
        structure.pointee.n_findings = findings.count
        structure.pointee.findings = arena.list(findings.map { $0.structure(in: arena) })
        structure.pointee.n_finding_counts = findingCounts.count
        structure.pointee.finding_counts = arena.list(findingCounts.map { $0.structure(in: arena) })
        structure.pointee.n_keyrings = keyrings.count
        structure.pointee.keyrings = arena.list(keyrings.map { $0.structure(in: arena) })
        structure.pointee.policy_sha256 = arena.bytes(policySHA256)
        structure.pointee.signatures_verified = signaturesVerified
        structure.pointee.next_round_seconds = nextRoundSeconds
        structure.pointee.identity = arena.text(identity)
        structure.pointee.boot = arena.text(boot)
        return structure
    }
}

extension ReportedFinding {
    init(_ structure: Assay__V1__Finding) throws(MessageError) {
        let fields = FieldReader(message: "Finding")
        self.init(
            reason: try fields.text("reason", structure.reason),
            record: structure.place_case == ASSAY__V1__FINDING__PLACE_RECORD ? structure.record : nil,
            path: try fields.bytes("path", structure.path, FieldLimits.path),
            found: try fields.text("found", structure.found),
            expected: try fields.text("expected", structure.expected),
            remedy: try fields.text("remedy", structure.remedy),
            isWarning: structure.warning != 0)
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__Finding>? {
        let structure = arena.make(assay__v1__finding__init)
        structure.pointee.reason = arena.text(reason)
        if let record {
            structure.pointee.place_case = ASSAY__V1__FINDING__PLACE_RECORD
            structure.pointee.record = record
        }
        structure.pointee.path = arena.bytes(path)
        structure.pointee.found = arena.text(found)
        structure.pointee.expected = arena.text(expected)
        structure.pointee.remedy = arena.text(remedy)
        structure.pointee.warning = isWarning ? 1 : 0
        return structure
    }
}

extension ReasonCount {
    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__ReasonCount>? {
        let structure = arena.make(assay__v1__reason_count__init)
        structure.pointee.reason = arena.text(reason)
        structure.pointee.count = count
        return structure
    }
}

extension ReportedKeyring {
    init(_ structure: Assay__V1__Keyring) throws(MessageError) {
        let fields = FieldReader(message: "Keyring")
        self.init(name: try fields.bytes("name", structure.name, FieldLimits.keyringName), keys: [])
        let pointers = try fields.list("keys", structure.n_keys, structure.keys, limit: FieldLimits.keys)
        for pointer in pointers { keys.append(try ReportedKey(pointer.pointee)) }
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__Keyring>? {
        let structure = arena.make(assay__v1__keyring__init)
        structure.pointee.name = arena.bytes(name)
        structure.pointee.n_keys = keys.count
        structure.pointee.keys = arena.list(keys.map { $0.structure(in: arena) })
        return structure
    }
}

extension ReportedKey {
    init(_ structure: Assay__V1__KeyringKey) throws(MessageError) {
        let fields = FieldReader(message: "KeyringKey")
        self.init(
            keyID: try fields.bytes("key_id", structure.key_id, FieldLimits.keyID),
            subject: try fields.bytes("subject", structure.subject, FieldLimits.subject),
            record: structure.record)
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__KeyringKey>? {
        let structure = arena.make(assay__v1__keyring_key__init)
        structure.pointee.key_id = arena.bytes(keyID)
        structure.pointee.subject = arena.bytes(subject)
        structure.pointee.record = record
        return structure
    }
}
