package import AssayCrypto
internal import Bytes

/// What EVM covers beside a file's content, as a record of the template `evm-sig` shows it; nothing where the kernel had
/// none.
package struct FileMetadata: Hashable, Sendable {
    /// The portable signature: the field `evmsig`, or a `sig` field that holds one.
    package private(set) var signature = 0..<0
    /// Names of extended attributes, `|` between them, without the NUL.
    package private(set) var attributeNames = 0..<0
    /// Lengths of their values, 32 bits each in the log's byte order; as many as there are names.
    package private(set) var attributeLengths = 0..<0
    /// Their values, together as long as the lengths say.
    package private(set) var attributeValues = 0..<0
    /// The inode's owner.
    package private(set) var owner: UInt32?
    /// The inode's group.
    package private(set) var group: UInt32?
    /// The inode's mode.
    package private(set) var mode: UInt16?

    /// Reads the fields of a record; nil if its template has no extended attributes.
    ///
    /// - Parameter record: one of the kind `.file`.
    package init?(_ record: RecordLayout, in bytes: Span<UInt8>, limits: LogLimits = .standard) {
        guard let template = Template(name: bytes.extracting(record.templateName)), template.hasAttributes,
            let metadata = try? FileMetadata(template, record, bytes, limits)
        else { return nil }
        self = metadata
    }

    init(
        _ template: Template, _ record: RecordLayout, _ bytes: Span<UInt8>, _ limits: LogLimits
    ) throws(MalformedRecord) {
        var fields = FieldReader(record, bytes, limits)
        var other = 0..<0
        for index in 0..<template.count {
            let range = try fields.next(template[index])
            switch template[index] {
            case .evmSignature: signature = range
            case .signature: other = range
            case .attributeNames: attributeNames = try fields.optionalText(range)
            case .attributeLengths: attributeLengths = range
            case .attributeValues: attributeValues = range
            case .owner: owner = try fields.number(range)
            case .group: group = try fields.number(range)
            case .mode: mode = try fields.shortNumber(range)
            default: break
            }
        }
        if signature.isEmpty, !other.isEmpty, bytes[other.lowerBound] == FileSignature.Kind.portableEVM.rawValue {
            signature = other
        }
        guard isConsistent(record, bytes) else {
            throw MalformedRecord(code: .attributes, offset: attributeLengths.lowerBound)
        }
    }

    private func isConsistent(_ record: RecordLayout, _ bytes: Span<UInt8>) -> Bool {
        var names = attributeNames.isEmpty ? 0 : 1
        for index in attributeNames where bytes[index] == UInt8(ascii: "|") { names += 1 }
        guard attributeLengths.count == names * 4 else { return false }
        var total = 0
        for offset in stride(from: attributeLengths.lowerBound, to: attributeLengths.upperBound, by: 4) {
            total += Int(bytes.u32(at: offset, record.byteOrder))
        }
        return total == attributeValues.count
    }

    /// The value of an extended attribute; nil if the record has none of that name, or several.
    package func attribute(_ name: StaticString, of record: RecordLayout, in bytes: Span<UInt8>) -> Range<Int>? {
        var found: Range<Int>?
        var start = attributeNames.lowerBound
        var value = attributeValues.lowerBound
        for lengths in stride(from: attributeLengths.lowerBound, to: attributeLengths.upperBound, by: 4) {
            let end = bytes.firstIndex(of: UInt8(ascii: "|"), in: start..<attributeNames.upperBound)
            let nameEnd = end ?? attributeNames.upperBound
            let length = Int(bytes.u32(at: lengths, record.byteOrder))
            if bytes.extracting(start..<nameEnd).equals(name) {
                guard found == nil else { return nil }
                found = value..<value + length
            }
            value += length
            start = min(nameEnd + 1, attributeNames.upperBound)
        }
        return found
    }

    /// What a portable signature is over, in the forms that hosts give it: the values of the attributes, in the kernel's
    /// order, then owner, group and mode in the host's own structure.
    ///
    /// Its inode number is a host's word and left zero, so are the generation and the padding; so there are a form of 64
    /// bits and one of 32. Lengths in the log may be little endian where the host is not (`ima_canonical_fmt`).
    /// Source: Linux, security/integrity/evm/evm_crypto.c, `evm_calc_hmac_or_hash` and `hmac_add_misc`.
    /// - Returns: digests by the signature's hash, the likeliest first; none where the record lacks one of the numbers,
    ///   or the hash can't be computed.
    package func signedDigests(_ hash: KernelHash, of record: RecordLayout, in bytes: Span<UInt8>) -> [Digest] {
        guard let algorithm = hash.algorithm, let owner, let group, let mode else { return [] }
        var digests: [Digest] = []
        for order in [record.byteOrder, record.byteOrder == .little ? .big : .little] {
            for wordBytes in [8, 4] {
                var misc = ByteWriter()
                misc.raw([UInt8](repeating: 0, count: wordBytes + 4))
                misc.integer(owner, order)
                misc.integer(group, order)
                misc.integer(mode, order)
                misc.raw([0, 0])
                guard var digest = try? IncrementalHash(algorithm) else { return [] }
                digest.update(bytes.extracting(attributeValues))
                digest.update(misc.bytes.span)
                if let value = try? digest.finish() { digests.append(value) }
            }
        }
        return digests
    }
}
