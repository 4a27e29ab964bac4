internal import Bytes

/// A JSON value, strings kept as their UTF-8 bytes: a policy's paths are compared with a log's bytes, never as text.
enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number with a fraction or an exponent, or one too large for 64 bits; nothing in a policy is one.
    case otherNumber
    case string([UInt8])
    case array([JSON])
    /// Members in the file's order, no key twice.
    case object([Member])

    /// One member of an object.
    struct Member: Hashable, Sendable {
        let key: [UInt8]
        let value: JSON
    }

    /// What the value is, for a message.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .otherNumber: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// A key's bytes, for a set: hashed at once, where an array would be hashed byte by byte.
private struct Key: Hashable {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

/// Why bytes aren't JSON.
struct JSONError: Error {
    let message: String
    let line: Int
    let column: Int
}

/// Reads one JSON text (RFC 8259) in one pass, with its depth bounded. A repeated key is an error: two readers of one
/// policy must not see two policies.
struct JSONParser {
    /// A policy is 4 levels deep.
    private static let depthLimit = 64

    private let bytes: [UInt8]
    private var index = 0

    /// Reads a whole text.
    static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSON {
        if let problem = encodingProblem(bytes) { throw JSONError(message: problem, line: 1, column: 1) }
        var parser = JSONParser(bytes: bytes)
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { parser.index = 3 }
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.index == bytes.count else { throw parser.fault("text behind the end of the JSON value") }
        return value
    }

    /// Reads a whole text; what is wrong with it is wrong with the policy.
    static func parse(policy text: [UInt8]) throws(PolicyError) -> JSON {
        do throws(JSONError) {
            return try parse(text)
        } catch {
            throw PolicyError(place: "line \(error.line), column \(error.column)", "not JSON: \(error.message)")
        }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        guard depth < Self.depthLimit else { throw fault("nested deeper than \(Self.depthLimit) levels") }
        skipSpace()
        guard let first = peek else { throw fault("the text ends where a value is expected") }
        switch first {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fault("a value is expected")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        index += 1
        var members: [JSON.Member] = []
        var keys: Set<Key> = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw fault("a key in quotes is expected") }
            let key = try string()
            guard keys.insert(Key(key)).inserted else { throw fault("the key \(quoted(key)) is given twice") }
            skipSpace()
            guard take(":") else { throw fault("':' is expected") }
            members.append(JSON.Member(key: key, value: try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw fault("',' or '}' is expected") }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        index += 1
        var values: [JSON] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            values.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(values) }
            guard take(",") else { throw fault("',' or ']' is expected") }
        }
    }

    private mutating func string() throws(JSONError) -> [UInt8] {
        index += 1
        let start = index
        var result: [UInt8] = []
        var copied = start
        var bits: UInt8 = 0
        while let byte = peek {
            bits |= byte
            if byte == UInt8(ascii: "\"") {
                result += bytes[copied..<index]
                index += 1
                guard bits < 0x80 || String(validating: result, as: UTF8.self) != nil else {
                    throw fault("a string isn't UTF-8")
                }
                return result
            }
            guard byte >= 0x20 else { throw fault("a control character in a string") }
            if byte == UInt8(ascii: "\\") {
                result += bytes[copied..<index]
                index += 1
                try escape(into: &result)
                copied = index
            } else {
                index += 1
            }
        }
        throw fault("a string without its end")
    }

    private mutating func escape(into result: inout [UInt8]) throws(JSONError) {
        guard let byte = peek else { throw fault("a string without its end") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(8)
        case UInt8(ascii: "f"): result.append(12)
        case UInt8(ascii: "n"): result.append(10)
        case UInt8(ascii: "r"): result.append(13)
        case UInt8(ascii: "t"): result.append(9)
        case UInt8(ascii: "u"): result += Array(String(Character(try scalar())).utf8)
        default: throw fault("an unknown escape in a string")
        }
    }

    /// The scalar of a `\u` escape, or of two that are a surrogate pair.
    private mutating func scalar() throws(JSONError) -> Unicode.Scalar {
        let first = try hexadecimalUnit()
        var code = UInt32(first)
        if (0xd800..<0xdc00).contains(first), take("\\"), take("u") {
            let second = try hexadecimalUnit()
            guard (0xdc00..<0xe000).contains(second) else { throw fault("half of a surrogate pair") }
            code = 0x10000 + (UInt32(first) - 0xd800) << 10 + (UInt32(second) - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault("half of a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimalUnit() throws(JSONError) -> UInt16 {
        guard bytes.count - index >= 4,
            let digits = String(validating: bytes[index..<index + 4], as: UTF8.self), digits.allSatisfy(\.isHexDigit),
            let unit = UInt16(digits, radix: 16)
        else { throw fault("four hexadecimal digits are expected") }
        index += 4
        return unit
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = index
        while let byte = peek, "+-.eE0123456789".utf8.contains(byte) { index += 1 }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        let digits = text.drop { $0 == "-" }
        guard digits.first?.isNumber == true, !(digits.count > 1 && digits.hasPrefix("0") && !digits.hasPrefix("0.")),
            Double(text) != nil
        else { throw fault("not a number") }
        return Int64(text).map(JSON.integer) ?? .otherNumber
    }

    private mutating func literal(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let letters = Array(word.description.utf8)
        guard bytes[index...].starts(with: letters) else { throw fault("a value is expected") }
        index += letters.count
        return value
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { index += 1 }
    }

    private func fault(_ message: String) -> JSONError {
        let read = bytes[..<min(index, bytes.count)]
        let lineStart = (read.lastIndex(of: 0x0a) ?? -1) + 1
        let line = read.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
        return JSONError(message: message, line: line, column: index - lineStart + 1)
    }
}
