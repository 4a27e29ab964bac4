/// What EVM covers beside a file's content, as a record of the template `evm-sig` shows it; nothing where the kernel had
/// none.
package struct FileMetadata: Hashable, Sendable {
    /// The portable signature.
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
        for index in 0..<template.count {
            let range = try fields.next(template[index])
            switch template[index] {
            case .evmSignature: signature = range
            case .attributeNames: attributeNames = try fields.optionalText(range)
            case .attributeLengths: attributeLengths = range
            case .attributeValues: attributeValues = range
            case .owner: owner = try fields.number(range)
            case .group: group = try fields.number(range)
            case .mode: mode = try fields.shortNumber(range)
            default: break
            }
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
}
