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
        /// A template or a field that is unknown, or a format that doesn't begin with its one digest and its one name: there
        /// is nothing to judge.
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
        package let type: DigestType
        /// Its hash function.
        package let hash: KernelHash
        /// Where its bytes stand: as many as the hash function's, except in a violation.
        package let range: Range<Int>
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
    /// The measured buffer. In a file's record, the field that would be the buffer if the template's name were
    /// `ima-buf`; empty if there is none.
    package private(set) var buffer = 0..<0
    /// Whether the record has an appended signature, or one of the file's metadata with all that it covers: then
    /// ``AppendedSignature`` or ``FileMetadata`` is to be read.
    package private(set) var hasFurtherSignature = false
    /// Whether the template has a place for a signature, be it empty.
    package private(set) var asksForSignature = false
    /// Whether the template is a format string: only a policy that lists it says that its records can be believed.
    package private(set) var isCustom = false
    private var hasAppendedDigest = false

    /// Reads a record's fields.
    ///
    /// The fields of an appended signature and those that EVM covers are checked here as the others are, and read by
    /// ``AppendedSignature`` and ``FileMetadata``: few records have them.
    /// - Parameter record: of these same bytes.
    /// - Complexity: linear in the name's length; no allocation.
    package init(_ record: RecordLayout, in bytes: Span<UInt8>, limits: LogLimits = .standard) {
        isViolation = record.isViolation
        guard let template = Template(name: bytes.extracting(record.templateName)) else { return }
        read(template, record, bytes, limits)
    }

    /// Reads a record's fields as those of some template, whatever the record says of itself.
    package init(_ record: RecordLayout, in bytes: Span<UInt8>, as template: Template, limits: LogLimits = .standard) {
        isViolation = record.isViolation
        read(template, record, bytes, limits)
    }

    @inline(__always)
    private mutating func read(
        _ template: Template, _ record: RecordLayout, _ bytes: Span<UInt8>, _ limits: LogLimits
    ) {
        if template.isCustom {
            isCustom = true
            guard template.hasFixedLayout else { return }
        }
        do throws(MalformedRecord) {
            var fields = FieldReader(record, bytes, limits)
            for index in 0..<template.count { try read(template[index], try fields.next(template[index]), fields) }
            try fields.finish()
            // What stands behind the name's NUL and a length word.
            if template.isLikeBuffer { buffer = name.upperBound + 5..<record.templateData.upperBound }
            if isCustom || hasAppendedDigest || hasFurtherSignature { try checkPairs(template, in: bytes) }
            if template.hasAttributes {
                let metadata = try FileMetadata(template, record, bytes, limits)
                if !metadata.signature.isEmpty { hasFurtherSignature = true }
            }
            kind = template.kind
        } catch {
            kind = .malformed(error)
        }
    }

    /// Whether a measured buffer's record could be that of a file, under another template's name: the buffer begins as a
    /// signature does.
    package func couldBeFile(in bytes: Span<UInt8>) -> Bool {
        kind == .buffer && FileSignature.Kind(rawValue: bytes[buffer.lowerBound]) != nil
    }

    /// The same fields of a record that was copied elsewhere.
    ///
    /// - Parameter distance: where a byte stands in the copy, less where it stood.
    package func moved(by distance: Int) -> RecordFields {
        var moved = self
        moved.digest = FieldDigest(type: digest.type, hash: digest.hash, range: digest.range.moved(by: distance))
        moved.name = name.moved(by: distance)
        moved.signature = signature.moved(by: distance)
        moved.buffer = buffer.moved(by: distance)
        return moved
    }

    /// Checks fields that are well-formed, each by itself, against each other.
    private func checkPairs(_ template: Template, in bytes: Span<UInt8>) throws(MalformedRecord) {
        if hasAppendedDigest != hasFurtherSignature, template.contains(.appendedSignatureDigest),
            template.contains(.appendedSignature)
        {
            throw MalformedRecord(code: .appendedSignature, offset: digest.range.lowerBound)
        }
        // A digest without its algorithm's name may be any bytes: those of a name, of a kernel that logs names first.
        if template[0] == .digest, template.isCustom, name.count == 19 || name.count == 15,
            bytes.firstIndex(of: 0, in: digest.range) == digest.range.upperBound - 1
        {
            throw MalformedRecord(code: .swapped, offset: digest.range.lowerBound)
        }
    }

    @inline(__always)
    private mutating func read(
        _ field: TemplateField, _ range: Range<Int>, _ fields: borrowing FieldReader
    ) throws(MalformedRecord) {
        switch field {
        case .digestWithAlgorithm: digest = try fields.digest(range, isTyped: false)
        case .path: name = try fields.path(range)
        case .signature:
            signature = try fields.signature(range)
            asksForSignature = true
        case .buffer:
            // A kernel measures no empty buffer, and a file has none.
            guard range.isEmpty == isCustom else {
                throw MalformedRecord(code: isCustom ? .bufferOfFile : .emptyBuffer, offset: range.lowerBound)
            }
        case .digestWithType: digest = try fields.digest(range, isTyped: true)
        case .digest: digest = try fields.plainDigest(range)
        case .name: name = try fields.name(range)
        case .appendedSignatureDigest: hasAppendedDigest = try fields.appended(range) != nil
        case .attributeNames: _ = try fields.optionalText(range)
        case .owner, .group: _ = try fields.number(range)
        case .mode: _ = try fields.shortNumber(range)
        case .appendedSignature:
            asksForSignature = true
            try fields.check(range, beginsWith: 0x30, or: .appendedSignature)
            if !range.isEmpty { hasFurtherSignature = true }
        case .evmSignature:
            try fields.check(range, beginsWith: FileSignature.Kind.portableEVM.rawValue, or: .signature)
            asksForSignature = true
        case .attributeLengths, .attributeValues: break
        }
    }
}

extension Range<Int> {
    func moved(by distance: Int) -> Range<Int> { lowerBound + distance..<upperBound + distance }
}
