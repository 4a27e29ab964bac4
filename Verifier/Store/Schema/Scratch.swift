package import Appraisal
package import AssayCrypto
import Bytes
import IMA
package import TPM

/// What is kept of a log on its way, so that a transfer that breaks goes on where it broke.
///
/// All of it is provisional. Nothing here counts before a fresh quote vouches for every record behind it, and then it is
/// committed with the rest or not at all. What it rests on must hold to the letter (``Basis``); whatever doesn't fit is
/// dropped, and costs no more than sending records again.
package struct Scratch: Equatable, Sendable {
    /// What must hold for it to be gone on from: any difference drops it.
    package struct Basis: Hashable, Sendable {
        /// SHA-256 of the agent's certificate; nil where a session has none, as in tests.
        package var certificate: Digest?
        /// The enrolled attestation key's name.
        package var attestationKeyName: [UInt8]
        /// The boot epoch, as a verified quote told it.
        package var resetCount: UInt32
        /// What is quoted.
        package var selection: PCRSelection
        /// The PCRs that records lead to.
        package var measuredPCRs: PCRSet
        /// How the log's integers are written.
        package var isBigEndian: Bool
        /// Hash of the log's digest column.
        package var column: PCRBank
        /// The agent's last verdict; 0 before the first.
        package var verdictNumber: UInt64
        /// The verdict that its position was committed with; 0 without a position.
        package var stateNumber: UInt64
        /// SHA-256 of the source of the policy that judged.
        package var policyHash: Digest?
        /// The deny generation.
        package var denyGeneration: UInt64
        /// The request to go back that was being answered; 0 for none.
        package var reattestation: UInt64

        /// A basis.
        package init(
            certificate: Digest?, attestationKeyName: [UInt8], resetCount: UInt32, selection: PCRSelection,
            measuredPCRs: PCRSet, isBigEndian: Bool, column: PCRBank, verdictNumber: UInt64, stateNumber: UInt64,
            policyHash: Digest?, denyGeneration: UInt64, reattestation: UInt64
        ) {
            self.certificate = certificate
            self.attestationKeyName = attestationKeyName
            self.resetCount = resetCount
            self.selection = selection
            self.measuredPCRs = measuredPCRs
            self.isBigEndian = isBigEndian
            self.column = column
            self.verdictNumber = verdictNumber
            self.stateNumber = stateNumber
            self.policyHash = policyHash
            self.denyGeneration = denyGeneration
            self.reattestation = reattestation
        }
    }

    /// What it rests on.
    package var basis: Basis
    /// The TPM's clock in the quote under which the last of it was received.
    package var clock: ClockInfo
    /// Provisional position, PCR values, keyrings and findings.
    package var appraisal: AppraisalState
    /// Records judged since the last verdict.
    package var recordsAppraised: UInt64
    /// What became of their signatures.
    package var signatures: AppraisalOutcome.SignatureCounts
    /// How far the log has come.
    package var transfer: LogTransfer

    /// A provisional position.
    package init(
        basis: Basis, clock: ClockInfo, appraisal: AppraisalState, recordsAppraised: UInt64,
        signatures: AppraisalOutcome.SignatureCounts, transfer: LogTransfer
    ) {
        self.basis = basis
        self.clock = clock
        self.appraisal = appraisal
        self.recordsAppraised = recordsAppraised
        self.signatures = signatures
        self.transfer = transfer
    }
}

/// How far a log has come: what commands show of a transfer.
package struct LogTransfer: Hashable, Sendable {
    /// The boot epoch of the log.
    package var resetCount: UInt32
    /// Records of the epoch that are here.
    package var recordsDone: UInt64
    /// Records of the epoch that the quote covers, and those behind it.
    package var recordsTotal: UInt64
    /// Bytes of the records that are here.
    package var bytesDone: UInt64
    /// Bytes of all of them, as the agent says.
    package var bytesTotal: UInt64
    /// When this connection's first shard was awaited, in seconds since 1970.
    package var beganAt: Int64
    /// Bytes that were here then.
    package var bytesBefore: UInt64
    /// When something last came, in seconds since 1970.
    package var updatedAt: Int64

    /// Progress of a transfer.
    package init(
        resetCount: UInt32, recordsDone: UInt64, recordsTotal: UInt64, bytesDone: UInt64, bytesTotal: UInt64,
        beganAt: Int64, bytesBefore: UInt64, updatedAt: Int64
    ) {
        self.resetCount = resetCount
        self.recordsDone = recordsDone
        self.recordsTotal = recordsTotal
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
        self.beganAt = beganAt
        self.bytesBefore = bytesBefore
        self.updatedAt = updatedAt
    }
}

/// The value ends with its SHA-256: unlike a state, it is written without waiting, and a bit of it that changes might
/// otherwise pass for something that a record did.
extension Scratch: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        let body = try reader.field()
        guard try reader.digest() == PCRBank.sha256.digest(of: body) else { throw DamagedValue("another checksum") }
        var reader = ByteReader(body.span)
        try self.init(body: &reader)
        try reader.finish()
    }

    func write(to writer: inout ByteWriter) {
        var body = ByteWriter()
        write(body: &body)
        writer.field(body.bytes)
        writer.digest(PCRBank.sha256.digest(of: body.bytes))
    }

    private init(body reader: inout ByteReader) throws {
        basis = try Basis(reading: &reader)
        clock = try reader.clockInfo()
        let nextRecord: UInt64 = try reader.integer()
        let recordsReceived: UInt64 = try reader.integer()
        let fileRecords: UInt64 = try reader.integer()
        let logBytes: UInt64 = try reader.integer()
        let lanes = try reader.list { try $0.lane() }
        // In the order in which they were learned, which the model keeps.
        let keys = try reader.list { try StoredKey(reading: &$0) }
        let unusable = Set(try reader.list { KeyID(try $0.integer()) })
        let findings = try StoredFindings(reading: &reader).findings
        appraisal = AppraisalState(
            nextRecord: nextRecord, recordsReceived: recordsReceived, fileRecords: fileRecords, lanes: lanes,
            keyrings: KeyringModel(
                keyrings: Dictionary(grouping: keys, by: \.keyring).mapValues { $0.map(\.key) }, unusable: unusable),
            findings: findings, logBytes: logBytes)
        recordsAppraised = try reader.integer()
        signatures = AppraisalOutcome.SignatureCounts()
        signatures.verified = try reader.integer()
        signatures.cached = try reader.integer()
        signatures.failed = try reader.integer()
        signatures.unknownKey = try reader.integer()
        signatures.refused = try reader.integer()
        transfer = LogTransfer(
            resetCount: basis.resetCount, recordsDone: try reader.integer(), recordsTotal: try reader.integer(),
            bytesDone: try reader.integer(), bytesTotal: try reader.integer(), beganAt: try reader.time(),
            bytesBefore: try reader.integer(), updatedAt: try reader.time())
    }

    private func write(body writer: inout ByteWriter) {
        basis.write(to: &writer)
        writer.clockInfo(clock)
        for count in [
            appraisal.nextRecord, appraisal.recordsReceived, appraisal.fileRecords, appraisal.logBytes,
        ] { writer.integer(count) }
        writer.list(appraisal.lanes) { $0.lane($1) }
        let keys = appraisal.keyrings.keyrings.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .flatMap { name, keys in keys.map { StoredKey($0, on: name) } }
        writer.list(keys) { $1.write(to: &$0) }
        writer.list(appraisal.keyrings.unusable.map(\.value).sorted()) { $0.integer($1) }
        StoredFindings(appraisal.findings).write(to: &writer)
        for count in [
            recordsAppraised, signatures.verified, signatures.cached, signatures.failed, signatures.unknownKey,
            signatures.refused, transfer.recordsDone, transfer.recordsTotal, transfer.bytesDone, transfer.bytesTotal,
        ] { writer.integer(count) }
        writer.time(transfer.beganAt)
        writer.integer(transfer.bytesBefore)
        writer.time(transfer.updatedAt)
    }
}

extension Scratch.Basis {
    fileprivate init(reading reader: inout ByteReader) throws {
        self.init(
            certificate: try reader.optional { try $0.digest() }, attestationKeyName: try reader.field(),
            resetCount: try reader.integer(), selection: try reader.selection(),
            measuredPCRs: PCRSet(rawValue: try reader.integer()), isBigEndian: try reader.flag(),
            column: try reader.bank(), verdictNumber: try reader.integer(), stateNumber: try reader.integer(),
            policyHash: try reader.optional { try $0.digest() }, denyGeneration: try reader.integer(),
            reattestation: try reader.integer())
    }

    fileprivate func write(to writer: inout ByteWriter) {
        writer.optional(certificate) { $0.digest($1) }
        writer.field(attestationKeyName)
        writer.integer(resetCount)
        writer.selection(selection)
        writer.integer(measuredPCRs.rawValue)
        writer.flag(isBigEndian)
        writer.bank(column)
        writer.integer(verdictNumber)
        writer.integer(stateNumber)
        writer.optional(policyHash) { $0.digest($1) }
        writer.integer(denyGeneration)
        writer.integer(reattestation)
    }
}
