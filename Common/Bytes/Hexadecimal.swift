private let digits: [UInt8] = Array("0123456789abcdef".utf8)

extension Collection<UInt8> {
    /// The bytes as lower-case hexadecimal digits.
    package var hexadecimal: String {
        String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Reads hexadecimal digits of either case; nil for an odd count or another character.
    package init?(hexadecimal text: some StringProtocol) {
        self.init(hexadecimal: text.utf8)
    }

    /// Reads hexadecimal digits of either case; nil for an odd count or another character.
    package init?(hexadecimal text: some Collection<UInt8>) {
        guard text.count.isMultiple(of: 2) else { return nil }
        self = []
        reserveCapacity(text.count / 2)
        var high: UInt8?
        for character in text {
            guard let digit = digitValue(character) else { return nil }
            if let first = high {
                append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
    }
}

private func digitValue(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    default: nil
    }
}
