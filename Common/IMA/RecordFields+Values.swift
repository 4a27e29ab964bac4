import Bytes

/// The forms of single fields. Source: Linux, security/integrity/ima/ima_template_lib.c.
extension RecordFields {
    /// `<algorithm>:` NUL digest, with `ima:` or `verity:` in front if typed.
    func fieldDigest(
        _ range: Range<Int>, _ bytes: Span<UInt8>, isTyped: Bool
    ) throws(MalformedRecord) -> FieldDigest {
        var start = range.lowerBound
        var type = DigestType.ima
        if isTyped {
            guard let colon = bytes.firstIndex(of: UInt8(ascii: ":"), in: range) else {
                throw MalformedRecord(code: .digestType, offset: start)
            }
            let prefix = bytes.extracting(start..<colon)
            guard prefix.equals("ima") || prefix.equals("verity") else {
                throw MalformedRecord(code: .digestType, offset: start)
            }
            type = prefix.count == 3 ? .ima : .verity
            start = colon + 1
        }
        guard let end = bytes.firstIndex(of: 0, in: start..<range.upperBound), end > start,
            bytes[end - 1] == UInt8(ascii: ":")
        else { throw MalformedRecord(code: .digestHeader, offset: start) }
        guard let hash = KernelHash(name: bytes.extracting(start..<end - 1)) else {
            throw MalformedRecord(code: .unknownHash, offset: start)
        }
        let digest = end + 1..<range.upperBound
        // Older kernels wrote 20 zero bytes for a violation, whatever the hash.
        guard digest.count == hash.digestSize || isViolation && digest.count == 20 else {
            throw MalformedRecord(code: .digestSize, offset: digest.lowerBound)
        }
        return FieldDigest(type: type, hash: hash, range: digest)
    }

    /// A digest without a name: 20 bytes are SHA-1's (or MD5's with zeros behind it), 16 are MD5's.
    func plainDigest(_ range: Range<Int>) throws(MalformedRecord) -> FieldDigest {
        switch range.count {
        case 20: return FieldDigest(type: .ima, hash: .sha1, range: range)
        case 16: return FieldDigest(type: .ima, hash: .md5, range: range)
        default: throw MalformedRecord(code: .digestSize, offset: range.lowerBound)
        }
    }

    /// Text that one NUL ends.
    static func terminated(_ range: Range<Int>, _ bytes: Span<UInt8>) throws(MalformedRecord) -> Range<Int> {
        guard let end = bytes.firstIndex(of: 0, in: range), end == range.upperBound - 1 else {
            throw MalformedRecord(code: .nameEnd, offset: range.lowerBound)
        }
        return range.lowerBound..<end
    }

    /// Text that nothing ends. A NUL in it would be taken for the padding that it is hashed with.
    static func unterminated(_ range: Range<Int>, _ bytes: Span<UInt8>) throws(MalformedRecord) -> Range<Int> {
        guard bytes.firstIndex(of: 0, in: range) == nil else {
            throw MalformedRecord(code: .nameEnd, offset: range.lowerBound)
        }
        return range
    }

    /// A 32-bit number, or nothing where the record is not a file's.
    static func number(
        _ range: Range<Int>, _ bytes: Span<UInt8>, _ order: ByteOrder
    ) throws(MalformedRecord) -> UInt32? {
        switch range.count {
        case 0: return nil
        case 4: return bytes.u32(at: range.lowerBound, order)
        default: throw MalformedRecord(code: .fixedSize, offset: range.lowerBound)
        }
    }

    /// A 16-bit number, or nothing where the record is not a file's.
    static func shortNumber(
        _ range: Range<Int>, _ bytes: Span<UInt8>, _ order: ByteOrder
    ) throws(MalformedRecord) -> UInt16? {
        switch range.count {
        case 0: return nil
        case 2:
            let first = UInt16(bytes[range.lowerBound])
            let second = UInt16(bytes[range.lowerBound + 1])
            return order == .little ? first | second << 8 : first << 8 | second
        default: throw MalformedRecord(code: .fixedSize, offset: range.lowerBound)
        }
    }

    /// As many lengths as names, and their sum is the values' length.
    func checkAttributes(_ bytes: Span<UInt8>, _ order: ByteOrder) throws(MalformedRecord) {
        let lengths = metadata.attributeLengths
        var names = metadata.attributeNames.isEmpty ? 0 : 1
        for index in metadata.attributeNames where bytes[index] == UInt8(ascii: "|") { names += 1 }
        guard lengths.count == names * 4 else {
            throw MalformedRecord(code: .attributes, offset: lengths.lowerBound)
        }
        var total = 0
        for offset in stride(from: lengths.lowerBound, to: lengths.upperBound, by: 4) {
            total += Int(bytes.u32(at: offset, order))
        }
        guard total == metadata.attributeValues.count else {
            throw MalformedRecord(code: .attributes, offset: lengths.lowerBound)
        }
    }
}
