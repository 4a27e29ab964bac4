import Bytes

/// Walks over the fields of a record's template data, and reads the forms that they have.
///
/// Source: Linux, security/integrity/ima/ima_template_lib.c.
struct FieldReader: ~Escapable {
    private let bytes: Span<UInt8>
    private let end: Int
    private let limit: Int
    private let order: ByteOrder
    private let isLegacy: Bool
    private let isViolation: Bool
    private var offset: Int

    @_lifetime(copy bytes)
    init(_ record: RecordLayout, _ bytes: Span<UInt8>, _ limits: LogLimits) {
        self.bytes = bytes
        let data = record.templateData
        offset = data.lowerBound
        end = data.upperBound
        limit = limits.fieldBytes
        order = record.byteOrder
        isLegacy = record.isLegacy
        isViolation = record.isViolation
    }

    /// Where the next field stands, without its length word.
    @inline(__always)
    mutating func next(_ field: TemplateField) throws(MalformedRecord) -> Range<Int> {
        // The digest of the template `ima` has no length word; the delimiter has seen that it is there.
        var length = 20
        if !isLegacy || field != .digest {
            guard end - offset >= 4 else { throw MalformedRecord(code: .fieldLength, offset: offset) }
            length = Int(bytes.u32(at: offset, order))
            offset += 4
        }
        guard length <= end - offset else { throw MalformedRecord(code: .fieldLength, offset: offset) }
        guard length <= limit else { throw MalformedRecord(code: .fieldTooLong, offset: offset) }
        defer { offset += length }
        return offset..<offset + length
    }

    /// Nothing may be left over.
    func finish() throws(MalformedRecord) {
        guard offset == end else { throw MalformedRecord(code: .trailingBytes, offset: offset) }
    }
}

extension FieldReader {
    /// `<algorithm>:` NUL digest, with `ima:` or `verity:` in front if typed.
    func digest(_ range: Range<Int>, isTyped: Bool) throws(MalformedRecord) -> RecordFields.FieldDigest {
        let digest = try named(range, isTyped: isTyped)
        // Older kernels wrote 20 zero bytes for a violation, whatever the hash.
        guard digest.range.count == digest.hash.digestSize || isViolation && digest.range.count == 20 else {
            throw MalformedRecord(code: .digestSize, offset: digest.range.lowerBound)
        }
        return digest
    }

    /// The same without a look at its length.
    private func named(_ range: Range<Int>, isTyped: Bool) throws(MalformedRecord) -> RecordFields.FieldDigest {
        var start = range.lowerBound
        var type = RecordFields.DigestType.ima
        if isTyped {
            type = try digestType(range)
            start += type == .ima ? 4 : 7
        }
        guard let end = bytes.firstIndex(of: 0, in: start..<range.upperBound), end > start,
            bytes[end - 1] == UInt8(ascii: ":")
        else { throw MalformedRecord(code: .digestHeader, offset: start) }
        guard let hash = KernelHash(name: bytes.extracting(start..<end - 1)) else {
            throw MalformedRecord(code: .unknownHash, offset: start)
        }
        return RecordFields.FieldDigest(type: type, hash: hash, range: end + 1..<range.upperBound)
    }

    private func digestType(_ range: Range<Int>) throws(MalformedRecord) -> RecordFields.DigestType {
        let start = range.lowerBound
        if range.count >= 4, bytes.extracting(start..<start + 4).equals("ima:") { return .ima }
        if range.count >= 7, bytes.extracting(start..<start + 7).equals("verity:") { return .verity }
        throw MalformedRecord(code: .digestType, offset: start)
    }

    /// What an appended signature was made for, or nothing. Attributes are a SET, and longer than any digest.
    func appended(_ range: Range<Int>) throws(MalformedRecord) -> AppendedSignature.Content? {
        guard !range.isEmpty else { return nil }
        let content = try named(range, isTyped: false).range
        if content.count > 64, bytes[content.lowerBound] == 0x31 { return .attributes(content) }
        return .digest(try digest(range, isTyped: false))
    }

    /// A digest without a name: 20 bytes are SHA-1's (or MD5's with zeros behind it), 16 are MD5's.
    func plainDigest(_ range: Range<Int>) throws(MalformedRecord) -> RecordFields.FieldDigest {
        switch range.count {
        case 20: return RecordFields.FieldDigest(type: .ima, hash: .sha1, range: range)
        case 16: return RecordFields.FieldDigest(type: .ima, hash: .md5, range: range)
        default: throw MalformedRecord(code: .digestSize, offset: range.lowerBound)
        }
    }

    /// Text that one NUL ends.
    func text(_ range: Range<Int>) throws(MalformedRecord) -> Range<Int> {
        guard let end = bytes.firstIndex(of: 0, in: range), end == range.upperBound - 1 else {
            throw MalformedRecord(code: .nameEnd, offset: range.lowerBound)
        }
        return range.lowerBound..<end
    }

    /// A path, or the name of what has none: text, with its NUL no longer than `PATH_MAX`.
    func path(_ range: Range<Int>) throws(MalformedRecord) -> Range<Int> {
        guard range.count <= 4096 else { throw MalformedRecord(code: .nameTooLong, offset: range.lowerBound) }
        return try text(range)
    }

    /// The same, or nothing.
    func optionalText(_ range: Range<Int>) throws(MalformedRecord) -> Range<Int> {
        range.isEmpty ? range : try text(range)
    }

    /// A file's short name. The template `ima` writes it without a NUL, and hashes it with zeros behind it: one in it
    /// would be taken for them.
    func name(_ range: Range<Int>) throws(MalformedRecord) -> Range<Int> {
        guard isLegacy else { return try path(range) }
        guard bytes.firstIndex(of: 0, in: range) == nil else {
            throw MalformedRecord(code: .nameEnd, offset: range.lowerBound)
        }
        return range
    }

    /// A blob that begins with the type of a signature, or nothing: the kernel shows no other.
    func signature(_ range: Range<Int>) throws(MalformedRecord) -> Range<Int> {
        guard range.isEmpty || FileSignature.Kind(rawValue: bytes[range.lowerBound]) != nil else {
            throw MalformedRecord(code: .signature, offset: range.lowerBound)
        }
        return range
    }

    /// Holds a field to its first byte, if it has one.
    func check(_ range: Range<Int>, beginsWith first: UInt8, or code: MalformedRecord.Code) throws(MalformedRecord) {
        guard range.isEmpty || bytes[range.lowerBound] == first else {
            throw MalformedRecord(code: code, offset: range.lowerBound)
        }
    }

    /// A 32-bit number, or nothing where the record is not a file's.
    func number(_ range: Range<Int>) throws(MalformedRecord) -> UInt32? {
        switch range.count {
        case 0: return nil
        case 4: return bytes.u32(at: range.lowerBound, order)
        default: throw MalformedRecord(code: .fixedSize, offset: range.lowerBound)
        }
    }

    /// A 16-bit number, or nothing where the record is not a file's.
    func shortNumber(_ range: Range<Int>) throws(MalformedRecord) -> UInt16? {
        switch range.count {
        case 0: return nil
        case 2:
            let first = UInt16(bytes[range.lowerBound])
            let second = UInt16(bytes[range.lowerBound + 1])
            return order == .little ? first | second << 8 : first << 8 | second
        default: throw MalformedRecord(code: .fixedSize, offset: range.lowerBound)
        }
    }
}
