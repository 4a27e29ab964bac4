// Crockford's base 32: digits and small letters without i, l, o and u, so that a text can be read aloud and typed.

private let digits = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

extension Sequence<UInt8> {
    /// The bytes in base 32, five bits a digit, the last digit filled up with zeros.
    package var base32: String {
        var text: [UInt8] = []
        var bits: UInt16 = 0
        var count = 0
        for byte in self {
            bits = bits << 8 | UInt16(byte)
            count += 8
            while count >= 5 {
                count -= 5
                text.append(digits[Int(bits >> UInt16(count) & 0x1f)])
            }
            bits &= 1 << UInt16(count) - 1
        }
        if count > 0 { text.append(digits[Int(bits << UInt16(5 - count) & 0x1f)]) }
        return String(decoding: text, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Reads what ``Swift/Sequence/base32`` writes, and what people make of it: capitals, o for 0, i and l for 1.
    ///
    /// Nil for another character, and for a length or a rest that no bytes have.
    package init?(base32 text: some StringProtocol) {
        var bytes: [UInt8] = []
        var bits: UInt16 = 0
        var count = 0
        for character in text.utf8 {
            guard let digit = Self.digit(character) else { return nil }
            bits = bits << 5 | UInt16(digit)
            count += 5
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt16(count)))
            bits &= 1 << UInt16(count) - 1
        }
        guard count < 5, bits == 0 else { return nil }
        self = bytes
    }

    private static func digit(_ character: UInt8) -> Int? {
        let small = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(character) ? character | 0x20 : character
        switch small {
        case UInt8(ascii: "o"): return 0
        case UInt8(ascii: "i"), UInt8(ascii: "l"): return 1
        default: return digits.firstIndex(of: small)
        }
    }
}
