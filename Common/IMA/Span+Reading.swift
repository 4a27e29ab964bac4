import Bytes
import Glibc

extension Span<UInt8> {
    /// A 32-bit number; the four bytes must be there.
    @inline(__always)
    func u32(at offset: Int, _ order: ByteOrder) -> UInt32 {
        let word = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return switch order {
        case .little: UInt32(littleEndian: word)
        case .big: UInt32(bigEndian: word)
        }
    }

    /// Whether all bytes of a range are zero; the range must lie within the span.
    @inline(__always)
    func isZero(_ range: Range<Int>) -> Bool {
        for index in range where self[index] != 0 { return false }
        return true
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
        extracting(range).withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, let found = memchr(start, Int32(byte), bytes.count) else { return nil }
            return range.lowerBound + (UnsafeRawPointer(found) - start)
        }
    }
}
