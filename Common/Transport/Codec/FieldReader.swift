import AssayCrypto
import Bytes
import CAssayProto
import TPM

/// Checks and copies the fields of one unpacked message.
struct FieldReader {
    /// The message's name in assay.proto.
    let message: String

    /// A field's bytes, copied, if their count is allowed.
    func bytes(
        _ field: StaticString, _ data: ProtobufCBinaryData, _ allowed: ClosedRange<Int> = 0...Int.max
    ) throws(MessageError) -> [UInt8] {
        guard allowed.contains(data.len) else { throw error(.length(data.len, allowed: allowed), field) }
        return Array(UnsafeBufferPointer(start: data.data, count: data.len))
    }

    /// A list's structures, if their count is allowed.
    func list<Structure>(
        _ field: StaticString, _ count: Int, _ pointers: UnsafeMutablePointer<UnsafeMutablePointer<Structure>?>?,
        limit: Int
    ) throws(MessageError) -> [UnsafeMutablePointer<Structure>] {
        guard count <= limit else { throw error(.length(count, allowed: 0...limit), field) }
        return UnsafeBufferPointer(start: pointers, count: count).compactMap { $0 }
    }

    /// A list of byte strings, if their number and each one's count are allowed.
    func byteStrings(
        _ field: StaticString, _ count: Int, _ strings: UnsafeMutablePointer<ProtobufCBinaryData>?, limit: Int,
        _ allowed: ClosedRange<Int>
    ) throws(MessageError) -> [[UInt8]] {
        guard count <= limit else { throw error(.length(count, allowed: 0...limit), field) }
        var result: [[UInt8]] = []
        for string in UnsafeBufferPointer(start: strings, count: count) {
            result.append(try bytes(field, string, allowed))
        }
        return result
    }

    /// Text for people: UTF-8 without a NUL inside, escaped and cut to what is shown of it.
    func text(_ field: StaticString, _ pointer: UnsafeMutablePointer<CChar>?) throws(MessageError) -> String {
        guard let pointer, UInt(bitPattern: pointer) != Self.absentText else { return "" }
        let characters = UnsafeRawBufferPointer(start: pointer, count: UnpackBudget.length(ofBlock: pointer) - 1)
        guard !characters.contains(0) else { throw error(.embeddedNUL, field) }
        guard let text = String(validating: characters, as: UTF8.self) else { throw error(.notUTF8, field) }
        return escaped(text: text)
    }

    /// A PCR bank that Assay can replay.
    func bank(_ field: StaticString, _ identifier: UInt32) throws(MessageError) -> PCRBank {
        guard let bank = UInt16(exactly: identifier).flatMap(PCRBank.init(rawValue:)) else {
            throw error(.value(UInt64(identifier)), field)
        }
        return bank
    }

    /// A list of numbers, if there aren't too many.
    func numbers(
        _ field: StaticString, _ count: Int, _ numbers: UnsafeMutablePointer<UInt32>?
    ) throws(MessageError) -> UnsafeBufferPointer<UInt32> {
        guard count <= FieldLimits.list else { throw error(.length(count, allowed: 0...FieldLimits.list), field) }
        return UnsafeBufferPointer(start: numbers, count: count)
    }

    /// A set of PCRs, each below 24.
    func pcrs(
        _ field: StaticString, _ count: Int, _ indices: UnsafeMutablePointer<UInt32>?
    ) throws(MessageError) -> PCRSet {
        var set = PCRSet(rawValue: 0)
        for index in try numbers(field, count, indices) { set.insert(PCRSet([try pcr(field, index)])) }
        return set
    }

    /// A PCR's index.
    func pcr(_ field: StaticString, _ index: UInt32) throws(MessageError) -> Int {
        guard index < 24 else { throw error(.value(UInt64(index)), field) }
        return Int(index)
    }

    /// An error in a field of this message.
    func error(_ code: MessageError.Code, _ field: StaticString) -> MessageError {
        MessageError(code, in: "\(message).\(field)")
    }

    /// Where libprotobuf-c points a `string` that wasn't on the wire: a constant of its own, not from our allocator.
    private static let absentText: UInt = {
        var status = Assay__V1__Status()
        assay__v1__status__init(&status)
        return UInt(bitPattern: status.message)
    }()
}

/// The largest lengths of fields, in bytes, and of lists: what is real, rounded up, so that a peer can't make us keep
/// more. Records are bounded by the frame alone; of texts the first KiB is kept.
enum FieldLimits {
    /// Banks and PCRs: a TPM has fewer than 24 of either.
    static let list = 24
    static let agentID = 0...255
    /// TPM2B_NAME: the algorithm and a digest of 64 bytes at most.
    static let keyName = 0...66
    static let bootID = 0...64
    static let softwareVersion = 0...64
    static let nonce = 32...32
    /// sizeof(TPMS_ATTEST) is 2,304 (TPM 2.0 Part 2, 10.12.12, on the reference implementation).
    static let attest = 0...2304
    /// RSA-4096 takes 520; post-quantum signatures take up to 5 kB.
    static let signature = 0...8192
    /// 24 PCRs in each of four banks.
    static let pcrValues = 96
    static let publicArea = 0...4096
    static let certificate = 0...16_384
    static let certificates = 16
    static let sha256 = 32...32
    /// A seed that is encrypted with RSA-4096 takes 514, ML-KEM-1024's ciphertext 1,570 (TPM 2.0 v1.85).
    static let credential = 0...4096
    static let secret = 0...128
    /// The contract: "the first findings, at most 100".
    static let findings = 100
    static let reasons = 256
    static let keyrings = 256
    static let keys = 4096
    static let keyID = 4...4
    static let keyringName = 0...4096
    static let subject = 0...1024
    /// PATH_MAX.
    static let path = 0...4096
}
