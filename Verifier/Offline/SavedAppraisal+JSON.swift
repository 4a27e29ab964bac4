import Appraisal
import AssayCrypto
import Bytes
import FoundationEssentials
import IMA
import Messages
import TPM

/// The form in which an appraisal is saved: one JSON object with a version, bytes as hexadecimal digits.
extension SavedAppraisal {
    private static let version = 1
    /// Record numbers stay far from where sums of them overflow.
    private static let recordLimit: UInt64 = 1 << 62

    /// Why a saved appraisal can't be gone on from.
    struct FormatError: Error, CustomStringConvertible {
        let description: String

        init(_ problem: String) {
            description = "no state that can be gone on from: \(problem); start anew with another file"
        }
    }

    /// Encodes it.
    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return [UInt8](try encoder.encode(Document(self))) + [UInt8(ascii: "\n")]
    }

    /// Decodes it; every value is checked.
    init(json: [UInt8]) throws(FormatError) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let header = try? decoder.decode(Header.self, from: Data(json)) else {
            throw FormatError("it is no JSON object with a version")
        }
        guard header.version == Self.version else {
            throw FormatError("its version is \(header.version), this program's is \(Self.version)")
        }
        let document: Document
        do {
            document = try decoder.decode(Document.self, from: Data(json))
        } catch {
            throw FormatError("a part of it is missing or not of its type")
        }
        self = try document.saved()
    }

    private struct Header: Decodable {
        let version: Int
    }

    private struct Document: Codable {
        let version: Int
        let nextRecord: UInt64
        let recordsReceived: UInt64
        let fileRecords: UInt64
        let logBytes: UInt64?
        let clock: Clock?
        let attestationKey: String?
        let imaPcrs: [Int]
        let policy: String?
        let requiresSignatures: Bool
        let pcrs: [Lane]
        let keys: [Key]
        let unusableKeys: [UInt32]
        let findings: [ReportedFinding]
        let failures: [Count]
        let warnings: [Count]

        init(_ saved: SavedAppraisal) {
            let state = saved.appraisal
            version = SavedAppraisal.version
            nextRecord = state.nextRecord
            recordsReceived = state.recordsReceived
            fileRecords = state.fileRecords
            logBytes = state.logBytes
            clock = saved.clock.map(Clock.init)
            attestationKey = saved.attestationKey?.description
            imaPcrs = saved.imaPCRs.indices
            policy = saved.policyHash?.description
            requiresSignatures = saved.requiresSignatures
            pcrs = state.lanes.map(Lane.init)
            keys = state.keyrings.keyrings.sorted { $0.key.lexicographicallyPrecedes($1.key) }.flatMap { ring in
                ring.value.map { Key($0, on: ring.key) }
            }
            unusableKeys = state.keyrings.unusable.map(\.value).sorted()
            findings = state.findings.kept.map(\.reported)
            failures = Count.all(state.findings.failures)
            warnings = Count.all(state.findings.warnings)
        }

        func saved() throws(FormatError) -> SavedAppraisal {
            guard nextRecord <= recordsReceived, recordsReceived <= recordLimit, fileRecords <= nextRecord else {
                throw FormatError("its record numbers contradict each other")
            }
            var keyrings: [[UInt8]: [LearnedKey]] = [:]
            for key in keys {
                let (name, learned) = try key.learned()
                keyrings[name, default: []].append(learned)
            }
            var kept: [Finding] = []
            for reported in findings {
                guard let finding = Finding(reported) else { throw unknownReason }
                kept.append(finding)
            }
            var lanes: [PCRReplay.Lane] = []
            for pcr in pcrs { lanes.append(try pcr.lane()) }
            return SavedAppraisal(
                appraisal: AppraisalState(
                    nextRecord: nextRecord, recordsReceived: recordsReceived, fileRecords: fileRecords, lanes: lanes,
                    keyrings: KeyringModel(keyrings: keyrings, unusable: Set(unusableKeys.map { KeyID($0) })),
                    findings: Findings(
                        kept: kept, failures: try Count.counts(failures), warnings: try Count.counts(warnings)),
                    logBytes: logBytes ?? 0),
                clock: clock?.info, attestationKey: try attestationKey.map(hash), imaPCRs: PCRSet(imaPcrs),
                policyHash: try policy.map(hash), requiresSignatures: requiresSignatures)
        }

        private func hash(_ text: String) throws(FormatError) -> Digest {
            try digest(text, bytes: 32)
        }
    }
}

// MARK: - Parts

private typealias FormatError = SavedAppraisal.FormatError

private func bytes(_ text: String) throws(FormatError) -> [UInt8] {
    guard let bytes = [UInt8](hexadecimal: text) else { throw FormatError("hexadecimal digits are expected") }
    return bytes
}

private func digest(_ text: String, bytes count: Int) throws(FormatError) -> Digest {
    guard let digest = Digest(try bytes(text)), digest.count == count else {
        throw FormatError("a digest has another length than \(count) bytes")
    }
    return digest
}

private struct Clock: Codable {
    let clock: UInt64
    let resetCount: UInt32
    let restartCount: UInt32
    let safe: Bool

    init(_ info: ClockInfo) {
        clock = info.clock
        resetCount = info.resetCount
        restartCount = info.restartCount
        safe = info.isSafe
    }

    var info: ClockInfo {
        ClockInfo(clock: clock, resetCount: resetCount, restartCount: restartCount, isSafe: safe)
    }
}

private struct Lane: Codable {
    let bank: String
    let pcr: UInt32
    let forms: UInt8
    let value: String

    init(_ lane: PCRReplay.Lane) {
        bank = lane.bank.description
        pcr = lane.pcr
        forms = lane.forms.rawValue
        value = lane.value.description
    }

    func lane() throws(FormatError) -> PCRReplay.Lane {
        guard let bank = PCRBank(name: bank), pcr < 24, (1...7).contains(forms) else {
            throw FormatError("a PCR is none that can be replayed")
        }
        return PCRReplay.Lane(
            bank: bank, pcr: pcr, forms: PaddingForms(rawValue: forms),
            value: try digest(value, bytes: bank.digestSize))
    }
}

private struct Key: Codable {
    let keyring: String
    let der: String
    let record: UInt64
    let firstSeen: Int64

    init(_ key: LearnedKey, on ring: [UInt8]) {
        keyring = ring.hexadecimal
        der = key.der.hexadecimal
        record = key.record
        firstSeen = key.firstSeen
    }

    func learned() throws(FormatError) -> ([UInt8], LearnedKey) {
        guard let key = LearnedKey(der: try bytes(der), record: record, firstSeen: firstSeen) else {
            throw FormatError("a key is none that OpenSSL \(Libcrypto.version) can use: appraise the whole log again")
        }
        return (try bytes(keyring), key)
    }
}

private struct Count: Codable {
    let reason: String
    let count: UInt64

    static func all(_ counts: [Reason: UInt64]) -> [Count] {
        counts.map { Count(reason: $0.key.rawValue, count: $0.value) }.sorted { $0.reason < $1.reason }
    }

    static func counts(_ list: [Count]) throws(FormatError) -> [Reason: UInt64] {
        var counts: [Reason: UInt64] = [:]
        for count in list {
            guard let reason = Reason(rawValue: count.reason) else { throw unknownReason }
            counts[reason] = count.count
        }
        return counts
    }
}

private let unknownReason = FormatError("a finding's reason is not known")
