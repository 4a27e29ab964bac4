import Bytes

extension Span<UInt8> {
    /// A 32-bit number; the four bytes must be there.
    func u32(at offset: Int, _ order: ByteOrder) -> UInt32 {
        let first = UInt32(self[offset])
        let second = UInt32(self[offset + 1])
        let third = UInt32(self[offset + 2])
        let fourth = UInt32(self[offset + 3])
        return switch order {
        case .little: first | second << 8 | third << 16 | fourth << 24
        case .big: first << 24 | second << 16 | third << 8 | fourth
        }
    }

    /// Whether the bytes are those of an ASCII text.
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for index in expected.indices where self[index] != expected[index] { return false }
            return true
        }
    }

    /// The place of the first byte of a value in a range, which must lie within the span.
    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        for index in range where self[index] == byte { return index }
        return nil
    }
}
