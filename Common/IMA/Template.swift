/// The fields of a record, in order: a built-in template's or those of a custom format string.
///
/// The template's name is not covered by the template digest, so a host can call a record by another template's name. That
/// is why the layout is fixed (one digest first, one name second, no field twice), why fields are parsed strictly, and why
/// a format string counts only where the policy lists it.
package struct Template: Sendable {
    /// The kernel's own limit (ima_template.c, `TEMPLATE_NUM_FIELDS_MAX`).
    package static let maximumFields = 15

    /// Four bits for each field, the first one lowest: the whole list is one word.
    private var list: UInt64 = 0
    private var size: UInt8 = 0
    /// Whether the name is a format string, and not a built-in template's.
    package private(set) var isCustom = false
    private var present: UInt16 = 0

    /// The template of a name in the log; nil for one that is unknown.
    ///
    /// A name that is not built in is read as a format string: field names with `|` between them.
    /// - Complexity: no allocation.
    package init?(name: Span<UInt8>) {
        if name.equals("ima-ng") {
            self = Self.imaNG
        } else if name.equals("ima-sig") {
            self = Self.imaSig
        } else if name.equals("ima-buf") {
            self = Self.imaBuf
        } else if name.equals("ima-sigv2") {
            self = Self.imaSigV2
        } else if name.equals("ima-ngv2") {
            self = Self.imaNGV2
        } else if name.equals("ima-modsig") {
            self = Self.imaModsig
        } else if name.equals("evm-sig") {
            self = Self.evmSig
        } else if name.equals("ima") {
            self = Self.ima
        } else {
            self.init(format: name)
        }
    }

    // Source: Linux, security/integrity/ima/ima_template.c, `builtin_templates`.
    private static let ima = Template(.digest, .name)
    private static let imaNG = Template(.digestWithAlgorithm, .path)
    private static let imaSig = Template(.digestWithAlgorithm, .path, .signature)
    private static let imaNGV2 = Template(.digestWithType, .path)
    private static let imaSigV2 = Template(.digestWithType, .path, .signature)
    private static let imaBuf = Template(.digestWithAlgorithm, .path, .buffer)
    private static let imaModsig = Template(
        .digestWithAlgorithm, .path, .signature, .appendedSignatureDigest, .appendedSignature)
    private static let evmSig = Template(
        .digestWithAlgorithm, .path, .evmSignature, .attributeNames, .attributeLengths, .attributeValues, .owner,
        .group, .mode)

    private init(_ fields: TemplateField...) {
        for field in fields { _ = append(field) }
    }

    private init?(format: Span<UInt8>) {
        isCustom = true
        var start = 0
        while start <= format.count {
            let end = format.firstIndex(of: UInt8(ascii: "|"), in: start..<format.count) ?? format.count
            guard let field = TemplateField(id: format.extracting(start..<end)), append(field) else { return nil }
            start = end + 1
        }
    }

    /// False if there is no room, or if the field is there already.
    private mutating func append(_ field: TemplateField) -> Bool {
        guard count < Self.maximumFields, !contains(field) else { return false }
        list |= UInt64(field.rawValue) << UInt64(4 * count)
        size += 1
        present |= Self.bit(field)
        return true
    }

    /// How many fields there are.
    package var count: Int { Int(size) }

    /// The field at a place, 0..<``count``.
    package subscript(index: Int) -> TemplateField {
        // Four bits have sixteen values, and there are sixteen fields.
        TemplateField(rawValue: UInt8(truncatingIfNeeded: list >> UInt64(4 * index) & 15)) ?? .digest
    }

    /// Whether the template has a field.
    package func contains(_ field: TemplateField) -> Bool { present & Self.bit(field) != 0 }

    /// Whether the template has the names, the lengths and the values of extended attributes.
    var hasAttributes: Bool {
        contains(.attributeNames) && contains(.attributeLengths) && contains(.attributeValues)
    }

    /// Whether it is one digest, one name, and whatever else follows: then which bytes are which is beyond doubt. But a
    /// single field that may hold anything could as well be a measured buffer.
    package var hasFixedLayout: Bool {
        guard !isLikeBuffer || present & Self.free == 0 else { return false }
        return (present & Self.digests).nonzeroBitCount == 1 && Self.digests & Self.bit(self[0]) != 0
            && (present & Self.names).nonzeroBitCount == 1 && Self.names & Self.bit(self[1]) != 0
    }

    private static let digests = bit(.digest) | bit(.digestWithAlgorithm) | bit(.digestWithType)
    private static let names = bit(.name) | bit(.path)
    private static let free = bit(.attributeLengths) | bit(.attributeValues) | bit(.appendedSignature)

    private static func bit(_ field: TemplateField) -> UInt16 { 1 << UInt16(field.rawValue) }

    /// What a record with these fields is, if they are well-formed. A kernel measures buffers by `ima-buf` alone, whatever
    /// template it has for files.
    var kind: RecordFields.Kind {
        if isCustom { return .file }
        return contains(.buffer) ? .buffer : .file
    }

    /// Whether it has as many fields as `ima-buf`, the first one alike: a record of one can be taken for the other's.
    package var isLikeBuffer: Bool { count == 3 && self[0] == .digestWithAlgorithm }
}
