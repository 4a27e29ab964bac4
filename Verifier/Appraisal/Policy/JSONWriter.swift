/// Writes JSON for people and for other tools: a member a line, UTF-8 as it is.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []

    /// The text of a value, with a newline at its end.
    static func text(_ value: JSON) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(value, depth: 0)
        return writer.bytes + [0x0a]
    }

    private mutating func write(_ value: JSON, depth: Int) {
        switch value {
        case .null: bytes += Array("null".utf8)
        case .bool(let value): bytes += Array((value ? "true" : "false").utf8)
        case .integer(let number): bytes += Array(String(number).utf8)
        case .otherNumber: bytes += Array("0".utf8)
        case .string(let text): write(text)
        case .array(let values):
            list("[", "]", values.count, depth) { writer, index in writer.write(values[index], depth: depth + 1) }
        case .object(let members):
            list("{", "}", members.count, depth) { writer, index in
                writer.write(members[index].key)
                writer.bytes += Array(": ".utf8)
                writer.write(members[index].value, depth: depth + 1)
            }
        }
    }

    private mutating func list(
        _ first: Unicode.Scalar, _ last: Unicode.Scalar, _ count: Int, _ depth: Int,
        _ element: (inout JSONWriter, Int) -> Void
    ) {
        bytes.append(UInt8(ascii: first))
        for index in 0..<count {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            newLine(depth + 1)
            element(&self, index)
        }
        if count > 0 { newLine(depth) }
        bytes.append(UInt8(ascii: last))
    }

    private mutating func newLine(_ depth: Int) {
        bytes.append(0x0a)
        bytes.append(contentsOf: repeatElement(0x20, count: depth))
    }

    /// A string; bytes that are no UTF-8 must not come here.
    private mutating func write(_ text: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += Array("\\u".utf8) + Array(repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
                bytes += Array(digits.utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
