package import AssayCrypto
import Bytes
package import IMA
package import TPM

/// Where an agent's attestation stands: small, and written with every committed round.
///
/// The keys and the findings that belong to it are in databases of their own; ``AgentSnapshot/appraisal`` has it all.
package struct AttestationState: Hashable, Sendable {
    /// The number of the verdict that it was committed with.
    package var verdictNumber: UInt64
    /// Name of the attestation key whose quote was verified. With the clock's `resetCount` it is the boot epoch.
    package var attestationKeyName: [UInt8]
    /// The TPM's clock and counters in that quote.
    package var clockInfo: ClockInfo
    /// What the quote covered. The position holds for this selection only.
    package var selection: PCRSelection
    /// SHA-256 of the source of the policy that judged the records so far.
    package var policyHash: Digest?
    /// The deny generation under which they were judged.
    package var denyGeneration: UInt64
    /// When the Challenge was sent that the quote answered, in seconds since 1970.
    package var challengedAt: Int64
    /// When the state was committed, in seconds since 1970.
    package var committedAt: Int64
    /// The next record of the epoch to appraise.
    package var nextRecord: UInt64
    /// Records of the epoch ever received.
    package var recordsReceived: UInt64
    /// Files' records among those appraised.
    package var fileRecords: UInt64
    /// PCR values after record `nextRecord - 1`, with their forms.
    package var lanes: [PCRReplay.Lane]
    /// Ids of listed keys that can't be used.
    package var unusableKeys: Set<KeyID>
    /// Keys in the model of the keyrings, so that a listing need not count them; nil in a state of an older release.
    package var keyCount: UInt32?
    /// Bytes of the records appraised; 0 in a state of an older release, which didn't count them.
    package var logBytes: UInt64
}

extension AttestationState: StoredValue {
    static let layout: UInt8 = 3
    static let oldestLayout: UInt8 = 1

    init(reading reader: inout ByteReader) throws { try self.init(reading: &reader, layout: Self.layout) }

    init(reading reader: inout ByteReader, layout: UInt8) throws {
        verdictNumber = try reader.integer()
        attestationKeyName = try reader.field()
        clockInfo = try reader.clockInfo()
        selection = try reader.selection()
        policyHash = try reader.optional { try $0.digest() }
        denyGeneration = try reader.integer()
        challengedAt = try reader.time()
        committedAt = try reader.time()
        nextRecord = try reader.integer()
        recordsReceived = try reader.integer()
        fileRecords = try reader.integer()
        lanes = try reader.list { try $0.lane() }
        unusableKeys = Set(try reader.list { KeyID(try $0.integer()) })
        keyCount = layout == 1 ? nil : try reader.optional { try $0.integer() }
        logBytes = layout < 3 ? 0 : try reader.integer()
    }

    func write(to writer: inout ByteWriter) { write(to: &writer, layout: Self.layout) }

    /// Writes the fields of one of the layouts.
    func write(to writer: inout ByteWriter, layout: UInt8) {
        writer.integer(verdictNumber)
        writer.field(attestationKeyName)
        writer.clockInfo(clockInfo)
        writer.selection(selection)
        writer.optional(policyHash) { $0.digest($1) }
        writer.integer(denyGeneration)
        writer.time(challengedAt)
        writer.time(committedAt)
        writer.integer(nextRecord)
        writer.integer(recordsReceived)
        writer.integer(fileRecords)
        writer.list(lanes) { $0.lane($1) }
        writer.list(unusableKeys.map(\.value).sorted()) { $0.integer($1) }
        if layout > 1 { writer.optional(keyCount) { $0.integer($1) } }
        if layout > 2 { writer.integer(logBytes) }
    }
}

extension ByteReader {
    mutating func clockInfo() throws -> ClockInfo {
        let clock: UInt64 = try integer()
        let resetCount: UInt32 = try integer()
        let restartCount: UInt32 = try integer()
        return ClockInfo(clock: clock, resetCount: resetCount, restartCount: restartCount, isSafe: try flag())
    }

    mutating func selection() throws -> PCRSelection {
        PCRSelection(try list { PCRSelection.Bank(try $0.bank(), PCRSet(rawValue: try $0.integer())) })
    }

    mutating func lane() throws -> PCRReplay.Lane {
        let bank = try bank()
        let pcr: UInt32 = try integer()
        let forms = PaddingForms(rawValue: try u8())
        let value = try digest()
        guard value.count == bank.digestSize else { throw DamagedValue("a \(bank) PCR has \(value.count) bytes") }
        return PCRReplay.Lane(bank: bank, pcr: pcr, forms: forms, value: value)
    }
}

extension ByteWriter {
    mutating func clockInfo(_ clockInfo: ClockInfo) {
        integer(clockInfo.clock)
        integer(clockInfo.resetCount)
        integer(clockInfo.restartCount)
        flag(clockInfo.isSafe)
    }

    mutating func selection(_ selection: PCRSelection) {
        list(selection.banks) { writer, bank in
            writer.bank(bank.bank)
            writer.integer(bank.pcrs.rawValue)
        }
    }

    mutating func lane(_ lane: PCRReplay.Lane) {
        bank(lane.bank)
        integer(lane.pcr)
        u8(lane.forms.rawValue)
        digest(lane.value)
    }
}
