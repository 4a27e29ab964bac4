package import Bytes

/// Where the parts of one record stand, as offsets into the bytes that it was read from; it owns nothing.
///
/// The PCR index, the digest column and the template's name are claims of the host. Only the template data is covered by
/// the digest that the PCR was extended with.
package struct RecordLayout: Hashable, Sendable {
    /// The whole record.
    package let range: Range<Int>
    /// The PCR that the record says it extended; any number can stand here.
    package let pcr: UInt32
    /// The digest column: of the log's column hash, all zeros for a violation.
    package let templateDigest: Range<Int>
    /// The template's name, or a custom format string.
    package let templateName: Range<Int>
    /// What the template digest is made from, without its outer length word.
    package let templateData: Range<Int>
    /// Whether the template is `ima`, whose data has no length word in front of it and is hashed padded.
    package let isLegacy: Bool
    /// The order of the length words in the template data.
    package let byteOrder: ByteOrder

    /// Whether the digest column is all zeros: the kernel then extended all ones, for the digest was worthless.
    ///
    /// No other value of the column means anything. Source: Linux, ima_queue.c, `ima_add_template_entry`.
    package func isViolation(in bytes: Span<UInt8>) -> Bool {
        for index in templateDigest where bytes[index] != 0 { return false }
        return true
    }
}
