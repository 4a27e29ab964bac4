/// Reads and writes base64 (RFC 4648). What is read may have the ordinary or the URL-safe alphabet, padded or
/// not; spaces and newlines are skipped.
enum Base64 {
    /// The bytes; nil for any other character or for bits left over.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        var padding = 0
        var digits = 0
        for character in text {
            switch character {
            case 0x20, 0x0a, 0x0d, 0x09: continue
            case UInt8(ascii: "="): padding += 1
            default:
                guard padding == 0, let digit = value(of: character) else { return nil }
                bits = bits << 6 | digit
                bitCount += 6
                digits += 1
                if bitCount >= 8 {
                    bitCount -= 8
                    result.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
                    bits &= (1 << UInt32(bitCount)) - 1
                }
            }
        }
        guard bits == 0, digits % 4 != 1, padding == 0 || (digits + padding).isMultiple(of: 4), padding <= 2 else {
            return nil
        }
        return result
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The text of bytes, in the ordinary alphabet, padded.
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0...group.count { text.append(digits[Int(bits >> UInt32(18 - 6 * place) & 63)]) }
            text += [UInt8](repeating: UInt8(ascii: "="), count: 3 - group.count)
        }
        return text
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
