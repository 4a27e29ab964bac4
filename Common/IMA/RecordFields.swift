/// What one record says, as offsets into the bytes that it was read from: nothing is copied.
///
/// All of it is covered by the record's template digest, except the template that it was read by.
package struct RecordFields: Sendable {
    /// How the record is to be judged.
    package enum Kind: Hashable, Sendable {
        /// A file: it has a digest and a path.
        case file
        /// A measured buffer: it has a digest, a name and the bytes.
        case buffer
        /// A template or a field that is unknown, or a format without a digest or a name: there is nothing to judge.
        case unknownTemplate
        /// Fields that are not what the template says.
        case malformed(MalformedRecord)
    }

    /// What was hashed.
    package enum DigestType: Hashable, Sendable {
        /// The file's content.
        case ima
        /// The file's fs-verity descriptor.
        case verity
    }

    /// A digest and the name of its hash.
    package struct FieldDigest: Hashable, Sendable {
        /// What was hashed.
        package var type: DigestType
        /// Its hash function.
        package var hash: KernelHash
        /// Where its bytes stand: as many as the hash function's, except in a violation.
        package var range: Range<Int>
    }

    /// What EVM covers beside the file's content, in the template `evm-sig`. Each is empty where the kernel has none.
    package struct Metadata: Hashable, Sendable {
        /// The portable signature.
        package var signature = 0..<0
        /// Names of extended attributes, `|` between them, without the NUL.
        package var attributeNames = 0..<0
        /// Lengths of their values, 32 bits each in the log's byte order.
        package var attributeLengths = 0..<0
        /// Their values.
        package var attributeValues = 0..<0
        /// The inode's owner.
        package var owner: UInt32?
        /// The inode's group.
        package var group: UInt32?
        /// The inode's mode.
        package var mode: UInt16?
    }

    /// How the record is to be judged.
    package private(set) var kind: Kind = .unknownTemplate
    /// Whether the digest column marks a violation: then digests in the record mean nothing.
    package let isViolation: Bool
    /// The digest of the file or of the buffer.
    package private(set) var digest = FieldDigest(type: .ima, hash: .sha1, range: 0..<0)
    /// The path or the buffer's name, without the NUL that ends it.
    package private(set) var name = 0..<0
    /// The `sig` field; empty if there is none.
    package private(set) var signature = 0..<0
    /// The measured buffer.
    package private(set) var buffer = 0..<0
    /// The digest without the appended signature.
    package private(set) var appendedSignatureDigest: FieldDigest?
    /// The appended signature (PKCS#7, DER); empty if there is none.
    package private(set) var appendedSignature = 0..<0
    /// What EVM covers.
    package private(set) var metadata = Metadata()

    /// Reads a record's fields.
    ///
    /// - Parameter record: of these same bytes.
    /// - Complexity: linear in the name's length; no allocation.
    package init(_ record: RecordLayout, in bytes: Span<UInt8>, limits: LogLimits = .standard) {
        isViolation = record.isViolation(in: bytes)
        guard let template = Template(name: bytes.extracting(record.templateName)) else { return }
        do throws(MalformedRecord) {
            try read(template, record, bytes, limits)
            if template.hasAttributes { try checkAttributes(bytes, record.byteOrder) }
            kind = Self.kind(of: template)
        } catch {
            kind = .malformed(error)
        }
    }

    private static func kind(of template: Template) -> Kind {
        let hasDigest =
            template.contains(.digestWithAlgorithm) || template.contains(.digestWithType) || template.contains(.digest)
        guard hasDigest, template.contains(.path) || template.contains(.name) else { return .unknownTemplate }
        return template.contains(.buffer) ? .buffer : .file
    }

    private mutating func read(
        _ template: Template, _ record: RecordLayout, _ bytes: Span<UInt8>, _ limits: LogLimits
    ) throws(MalformedRecord) {
        var offset = record.templateData.lowerBound
        let end = record.templateData.upperBound
        for index in 0..<template.count {
            let field = template[index]
            // The digest of the template `ima` has no length word; the delimiter has seen that it is there.
            var length = 20
            if !record.isLegacy || field != .digest {
                guard end - offset >= 4 else { throw MalformedRecord(code: .fieldLength, offset: offset) }
                length = Int(bytes.u32(at: offset, record.byteOrder))
                offset += 4
            }
            guard length <= end - offset else { throw MalformedRecord(code: .fieldLength, offset: offset) }
            guard length <= limits.fieldBytes else { throw MalformedRecord(code: .fieldTooLong, offset: offset) }
            try read(field, offset..<offset + length, record, bytes)
            offset += length
        }
        guard offset == end else { throw MalformedRecord(code: .trailingBytes, offset: offset) }
    }

    private mutating func read(
        _ field: TemplateField, _ range: Range<Int>, _ record: RecordLayout, _ bytes: Span<UInt8>
    ) throws(MalformedRecord) {
        switch field {
        case .digestWithAlgorithm, .digestWithType:
            digest = try fieldDigest(range, bytes, isTyped: field == .digestWithType)
        case .path:
            name = try Self.terminated(range, bytes)
        case .signature:
            signature = range
        case .buffer:
            buffer = range
        case .digest:
            digest = try plainDigest(range)
        case .name:
            name = record.isLegacy ? try Self.unterminated(range, bytes) : try Self.terminated(range, bytes)
        case .appendedSignatureDigest:
            if !range.isEmpty { appendedSignatureDigest = try fieldDigest(range, bytes, isTyped: false) }
        case .appendedSignature:
            appendedSignature = range
        case .evmSignature:
            metadata.signature = range
        case .attributeNames:
            metadata.attributeNames = range.isEmpty ? range : try Self.terminated(range, bytes)
        case .attributeLengths:
            metadata.attributeLengths = range
        case .attributeValues:
            metadata.attributeValues = range
        case .owner:
            metadata.owner = try Self.number(range, bytes, record.byteOrder)
        case .group:
            metadata.group = try Self.number(range, bytes, record.byteOrder)
        case .mode:
            metadata.mode = try Self.shortNumber(range, bytes, record.byteOrder)
        }
    }
}
