/// Changes input the way libFuzzer does, from a seed alone: so that an ordinary test can walk a little into the dark, and
/// the same way each time.
package struct Mutator: RandomNumberGenerator {
    private static let wild: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x5c, 0x7b, 0x5b]
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64.
    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    /// A few changes to one input, with pieces of another.
    package mutating func mutated(_ input: [UInt8], with other: [UInt8]) -> [UInt8] {
        var bytes = input
        for _ in 0..<Int.random(in: 1...4, using: &self) { change(&bytes, other) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], _ other: [UInt8]) {
        let range = range(in: bytes)
        switch UInt8.random(in: 0..<7, using: &self) {
        case 0 where !bytes.isEmpty: bytes[position(in: bytes)] ^= 1 << UInt8.random(in: 0..<8, using: &self)
        case 1 where !bytes.isEmpty: bytes[position(in: bytes)] = Self.wild.randomElement(using: &self) ?? 0
        case 2: bytes.removeSubrange(range)
        case 3: bytes.insert(contentsOf: Array(bytes[range]), at: range.lowerBound)
        case 4: bytes.replaceSubrange(range, with: other[self.range(in: other)])
        case 5: bytes.removeSubrange(range.lowerBound...)
        default:
            for index in range.prefix(4) { bytes[index] = UInt8.random(in: .min ... .max, using: &self) }
        }
    }

    private mutating func position(in bytes: [UInt8]) -> Int { Int.random(in: bytes.indices, using: &self) }

    /// Short as a rule: what is long hides what follows it.
    private mutating func range(in bytes: [UInt8]) -> Range<Int> {
        let start = Int.random(in: 0...bytes.count, using: &self)
        let length = Bool.random(using: &self) ? 8 : bytes.count
        return start..<Int.random(in: start...min(bytes.count, start + length), using: &self)
    }
}
