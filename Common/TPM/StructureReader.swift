import Bytes

/// Reads one TPM structure: big-endian numbers, and sized buffers (TPM2B). Whatever doesn't fit is `malformed`, with
/// the structure's name and the offset.
struct StructureReader: ~Escapable {
    private var reader: ByteReader
    private let structure: String

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, _ structure: String) {
        reader = ByteReader(bytes)
        self.structure = structure
    }

    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type = Value.self, _ order: ByteOrder = .big
    ) throws(QuoteError) -> Value {
        do throws(ByteError) {
            return Value(truncatingIfNeeded: try reader.number(width: Value.bitWidth / 8, order))
        } catch { throw malformed(error.description) }
    }

    mutating func algorithm() throws(QuoteError) -> AlgorithmID {
        AlgorithmID(rawValue: try integer())
    }

    mutating func bytes(_ count: Int) throws(QuoteError) -> [UInt8] {
        do throws(ByteError) { return try reader.array(count) } catch { throw malformed(error.description) }
    }

    /// A TPM2B: two bytes of length, and as many bytes.
    mutating func sized(limit: Int) throws(QuoteError) -> [UInt8] {
        do throws(ByteError) {
            return try reader.sized(by: UInt16.self, limit: limit)
        } catch { throw malformed(error.description) }
    }

    /// A PCR bitmap: bit n of the whole stands for PCR n, least significant bit first (TPM 2.0 Part 2, 10.6.1).
    static func pcrs(bitmap: [UInt8]) -> PCRSet? {
        let bits = bitmap.enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << UInt64(8 * $1.offset) }
        guard bitmap.count <= TPMLimits.pcrBitmapBytes, let low = UInt32(exactly: bits) else { return nil }
        let pcrs = PCRSet(rawValue: low)
        return pcrs.rawValue == low ? pcrs : nil
    }

    /// Bytes left over are an error.
    func finish() throws(QuoteError) {
        do throws(ByteError) { try reader.finish() } catch { throw malformed(error.description) }
    }

    func malformed(_ detail: String) -> QuoteError {
        QuoteError(.malformed, "\(structure): \(detail)")
    }
}

/// The largest sizes of the TPM's buffers, in bytes unless named otherwise (TPM 2.0 Part 2; the implementation's
/// constants where the specification leaves them open).
enum TPMLimits {
    /// TPM2B_NAME and TPM2B_DATA: an algorithm's number and the longest digest.
    static let name = 2 + digest
    /// TPM2B_DIGEST: SHA-512.
    static let digest = 64
    /// TPM2B_PUBLIC_KEY_RSA: 16,384 bits, the most that libcrypto verifies with.
    static let rsa = 2_048
    /// TPM2B_ECC_PARAMETER: a coordinate of the largest curve that anyone defines, P-638.
    static let coordinate = 128
    /// TPMS_PCR_SELECTION.pcrSelect.
    static let pcrBitmapBytes = 4
    /// Banks in a TPML_PCR_SELECTION.
    static let banks = 16
}
