import AssayCrypto
import Bytes

/// One record in the text form: PCR, digest column, template, and its fields, with a space before each.
///
/// Source: Linux, security/integrity/ima/ima_fs.c, `ima_ascii_measurements_show`; ima_template_lib.c,
/// `ima_show_template_data_ascii`.
struct ASCIIRecord {
    /// The hash that the digest column's length tells.
    let column: PCRBank
    /// The record in its binary form, little endian.
    let encoded: [UInt8]
    private let digest: [UInt8]
    /// Nil if it is over a limit.
    private let layout: RecordLayout?

    /// Whether the column is all zeros.
    var isViolation: Bool { digest.allSatisfy { $0 == 0 } }

    /// Whether the column is the digest of the record.
    var isColumnRight: Bool {
        layout.map { $0.templateDigest(column, in: encoded.span).equals(digest.span) } ?? false
    }

    /// - Parameter line: without the newline that ends it.
    init(_ line: ArraySlice<UInt8>, limits: LogLimits) throws(LogError.TextProblem) {
        var words = line.drop { $0 == Self.space }.split(separator: Self.space, omittingEmptySubsequences: false)[...]
        guard let pcr = words.popFirst().flatMap({ Self.number($0, UInt32.self) }) else { throw .pcr }
        guard let digest = words.popFirst().flatMap({ [UInt8](hexadecimal: $0) }),
            let column = PCRBank.allCases.first(where: { $0.digestSize == digest.count })
        else { throw .digest }
        guard let name = words.popFirst().map({ [UInt8]($0) as [UInt8] }), !name.isEmpty,
            let template = Template(name: name.span)
        else {
            throw .template
        }
        let isLegacy = name.span.equals("ima")
        let data = try Self.data(template, words, isLegacy: isLegacy)
        var writer = ByteWriter()
        writer.integer(pcr, .little)
        writer.raw(digest)
        writer.sized(by: UInt32.self, name, .little)
        if isLegacy { writer.raw(data) } else { writer.sized(by: UInt32.self, data, .little) }
        let encoded = writer.bytes
        let delimiter = LogDelimiter(LogFormat(column: column), limits: limits)
        let found = try? delimiter.record(in: encoded.span, at: 0, number: 0)
        if case .record(let whole)? = found { layout = whole } else { layout = nil }
        self.column = column
        self.digest = digest
        self.encoded = encoded
    }

    /// Whether text begins with a PCR and a digest.
    static func begins(_ text: ArraySlice<UInt8>) -> Bool {
        var words = text.prefix(150).drop { $0 == space }.split(separator: space, maxSplits: 2)[...]
        guard let pcr = words.popFirst(), number(pcr, UInt32.self) != nil, let digest = words.popFirst() else {
            return false
        }
        return PCRBank.allCases.contains { $0.digestSize * 2 == digest.count } && [UInt8](hexadecimal: digest) != nil
    }

    private static let space = UInt8(ascii: " ")
}

// MARK: Fields

extension ASCIIRecord {
    private typealias Word = ArraySlice<UInt8>

    private static func data(
        _ template: Template, _ words: ArraySlice<Word>, isLegacy: Bool
    ) throws(LogError.TextProblem) -> [UInt8] {
        var words = words
        var writer = ByteWriter()
        // A kernel writes no space within a name; what an old one wrote is put together again.
        var surplus = max(0, words.count - template.count)
        for index in 0..<template.count {
            let field = template[index]
            var word = words.popFirst() ?? []
            if field == .path || field == .name {
                while surplus > 0, let more = words.popFirst() {
                    word += [space] + more
                    surplus -= 1
                }
            }
            guard let bytes = encoded(field, word, isLegacy: isLegacy) else { throw .field }
            if isLegacy && field == .digest { writer.raw(bytes) } else { writer.sized(by: UInt32.self, bytes, .little) }
        }
        guard words.isEmpty else { throw .field }
        return writer.bytes
    }

    /// A field as the binary form holds it; nil if the word is not what the field should be.
    private static func encoded(_ field: TemplateField, _ word: Word, isLegacy: Bool) -> [UInt8]? {
        switch field {
        case .digest:
            guard let digest = [UInt8](hexadecimal: word), !isLegacy || digest.count == 20 else { return nil }
            return digest
        case .name where isLegacy: return [UInt8](word)
        case .name, .path: return word + [0]
        case .digestWithAlgorithm, .digestWithType: return digest(word)
        case .appendedSignatureDigest: return word.isEmpty ? [] : digest(word)
        case .attributeNames: return word.isEmpty ? [] : word + [0]
        case .signature, .appendedSignature, .buffer, .evmSignature, .attributeLengths, .attributeValues:
            return [UInt8](hexadecimal: word)
        case .owner, .group: return word.isEmpty ? [] : number(word, UInt32.self).map(littleEndian)
        case .mode: return word.isEmpty ? [] : number(word, UInt16.self).map(littleEndian)
        }
    }

    /// `sha256:ab…`, which the binary form has with a NUL behind the last colon. Without an algorithm it's the colon alone.
    private static func digest(_ word: Word) -> [UInt8]? {
        let colon = word.lastIndex(of: UInt8(ascii: ":"))
        guard let digest = [UInt8](hexadecimal: colon.map { word[($0 + 1)...] } ?? word), !digest.isEmpty else {
            return nil
        }
        return (colon.map { [UInt8](word[...$0]) } ?? [UInt8(ascii: ":")]) + [0] + digest
    }

    private static func number<Value: FixedWidthInteger>(_ word: Word, _ type: Value.Type) -> Value? {
        guard !word.isEmpty, word.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Value(String(decoding: word, as: UTF8.self))
    }

    private static func littleEndian(_ value: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(value, .little)
        return writer.bytes
    }
}
