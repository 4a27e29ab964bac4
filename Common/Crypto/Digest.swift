import Bytes
import Glibc

/// A digest of any length up to 64 bytes, held inline: a PCR's value, a file's hash, a key's fingerprint.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// The longest digest, in bytes.
    package static let maximumCount = 64

    /// Bytes behind `count` are zero, always: equality compares all of them.
    private var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    /// Length in bytes.
    package let count: Int

    /// A digest of one repeated byte: zeros for a PCR at boot, 0xFF for a violation.
    ///
    /// - Parameter count: clamped to 0...64.
    package init(repeating byte: UInt8, count: Int) {
        self.count = max(0, min(count, Self.maximumCount))
        let length = self.count
        withUnsafeMutableBytes(of: &words) { for index in 0..<length { $0[index] = byte } }
    }

    /// Copies a digest; nil if it is longer than 64 bytes.
    package init?(_ bytes: Span<UInt8>) {
        guard bytes.count <= Self.maximumCount else { return nil }
        count = bytes.count
        withUnsafeMutableBytes(of: &words) { destination in
            bytes.withUnsafeBytes { destination.copyMemory(from: $0) }
        }
    }

    /// Copies a digest; nil if it is longer than 64 bytes.
    package init?(_ bytes: [UInt8]) {
        self.init(bytes.span)
    }

    /// Lets a function of this module or another write the digest in place.
    ///
    /// - Parameter body: gets exactly `count` bytes, all zero, and fills them.
    package init(count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        self.count = max(0, min(count, Self.maximumCount))
        withMutableBytes(body)
    }

    /// The digest's bytes in place, for the call's duration.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let length = count
        return try withUnsafeBytes(of: words) { (bytes) throws(Failure) -> Result in
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        }
    }

    /// The digest with zeros behind it, as a kernel pads SHA-1 for a bank of a longer hash.
    ///
    /// - Parameter count: clamped to 0...64; not shorter than the digest.
    package func padded(to count: Int) -> Digest {
        Digest(words: words, count: max(self.count, min(count, Self.maximumCount)))
    }

    private init(words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64), count: Int) {
        self.words = words
        self.count = count
    }

    /// Whether the digest has exactly these bytes.
    package func equals(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count == count else { return false }
        return bytes.withUnsafeBytes { other in
            withUnsafeBytes(of: words) { own in
                guard let own = own.baseAddress, let other = other.baseAddress else { return true }
                return memcmp(own, other, count) == 0
            }
        }
    }

    /// Lets a function of this module change the digest in place; its length stays.
    mutating func withMutableBytes(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
        let length = count
        withUnsafeMutableBytes(of: &words) { body(UnsafeMutableRawBufferPointer(rebasing: $0[..<length])) }
    }

    /// The digest's bytes, copied.
    package var bytes: [UInt8] { withBytes { Array($0) } }

    /// Lower-case hexadecimal digits.
    package var description: String { bytes.hexadecimal }

    package static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && left.words.0 == right.words.0 && left.words.1 == right.words.1
            && left.words.2 == right.words.2 && left.words.3 == right.words.3 && left.words.4 == right.words.4
            && left.words.5 == right.words.5 && left.words.6 == right.words.6 && left.words.7 == right.words.7
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(count)
    }
}
