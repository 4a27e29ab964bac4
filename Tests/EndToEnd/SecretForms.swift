/// The ways in which a program might print a secret: any eight bytes of it as they are, in hexadecimal, in decimal, in
/// base 64 or in a token's base 32.
struct SecretForms {
    /// By their first eight bytes.
    private let texts: [UInt64: [[UInt8]]]

    /// - Parameter secret: at least eight bytes; a rest that doesn't fill eight isn't looked for.
    init(of secret: [UInt8]) {
        var texts: Set<[UInt8]> = []
        for start in stride(from: 0, through: secret.count - 8, by: 8) {
            texts.formUnion(Self.texts(of: Array(secret[start..<start + 8])))
        }
        self.texts = Dictionary(grouping: texts) { $0.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
    }

    /// Whether bytes show the secret, or a part of it.
    func isShown(in bytes: [UInt8]) -> Bool {
        var last: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            last = last << 8 | UInt64(byte)
            guard index >= 7, let candidates = texts[last] else { continue }
            if candidates.contains(where: { bytes[(index - 7)...].starts(with: $0) }) { return true }
        }
        return false
    }

    private static func texts(of bytes: [UInt8]) -> [[UInt8]] {
        var texts = [bytes]
        for separator in ["", ":", " ", ",", ", "] {
            for digits in ["0123456789abcdef", "0123456789ABCDEF"].map({ Array($0.utf8) }) {
                let pairs = bytes.map { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
                texts.append(Array(pairs.joined(separator: Array(separator.utf8))))
            }
            texts.append(Array(bytes.map { "\($0)" }.joined(separator: separator).utf8))
        }
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        for alphabet in [letters + "+/", letters + "-_"] {
            texts += (0..<3).map { digits(of: bytes, behind: $0, bits: 6, alphabet) }
        }
        for alphabet in ["0123456789abcdefghjkmnpqrstvwxyz", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"] {
            texts += (0..<5).map { digits(of: bytes, behind: $0, bits: 5, alphabet) }
        }
        return texts
    }

    /// The digits that hold nothing but these bytes.
    ///
    /// - Parameter others: how many bytes stand before them in what is encoded.
    private static func digits(of bytes: [UInt8], behind others: Int, bits: Int, _ alphabet: String) -> [UInt8] {
        let alphabet = Array(alphabet.utf8)
        let stream = ([UInt8](repeating: 0, count: others) + bytes).flatMap { byte in
            (0..<8).map { Int(byte >> (7 - $0) & 1) }
        }
        let first = (others * 8 + bits - 1) / bits
        return (first..<stream.count / bits).map { digit in
            alphabet[stream[digit * bits..<(digit + 1) * bits].reduce(0) { $0 << 1 | $1 }]
        }
    }
}
