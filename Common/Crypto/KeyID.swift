import Bytes

/// The short name by which a signature points at its key. Ids collide: it selects keys to try, and proves nothing.
///
/// - SeeAlso: Linux, security/integrity/integrity.h, `struct signature_v2_hdr`, `keyid`.
package struct KeyID: Hashable, Sendable, CustomStringConvertible {
    /// The last four bytes of the key's identifier, read as a big-endian number.
    package let value: UInt32

    /// An id as a signature's header holds it.
    package init(_ value: UInt32) {
        self.value = value
    }

    /// The id of a longer identifier: its last four bytes.
    ///
    /// Nil if it has fewer, for then no signature can name it (Linux, `asymmetric_key_id_partial`).
    package init?(lastBytesOf identifier: [UInt8]) {
        guard identifier.count >= 4 else { return nil }
        value = identifier.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Eight hexadecimal digits.
    package var description: String { withUnsafeBytes(of: value.bigEndian) { Array($0).hexadecimal } }
}
