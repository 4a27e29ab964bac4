package import AssayCrypto
package import Bytes

/// Where the parts of one record stand, as offsets into the bytes that it was read from; it owns nothing.
///
/// The PCR index, the digest column and the template's name are claims of the host. Only the template data is covered by
/// the digest that the PCR was extended with.
package struct RecordLayout: Hashable, Sendable {
    // Kept small, so that it travels in registers: every range follows from these.
    private let start: Int
    private let end: Int
    private let nameCount: UInt32
    private let columnCount: UInt8
    /// The PCR that the record says it extended; any number can stand here.
    package let pcr: UInt32
    /// The hash of the digest column.
    package let column: PCRBank
    /// The order of the length words in the template data.
    package let byteOrder: ByteOrder
    /// Whether the template is `ima`, whose data has no length word in front of it and is hashed padded.
    package let isLegacy: Bool
    /// Whether the digest column is all zeros: the kernel then extended all ones, for the digest was worthless.
    ///
    /// No other value of the column means anything. Source: Linux, ima_queue.c, `ima_add_template_entry`.
    package let isViolation: Bool

    /// The whole record.
    package var range: Range<Int> { start..<end }
    /// The digest column: all zeros for a violation.
    package var templateDigest: Range<Int> { start + 4..<start + 4 + Int(columnCount) }
    /// The template's name, or a custom format string.
    package var templateName: Range<Int> { nameStart..<nameStart + Int(nameCount) }
    /// What the template digest is made from, without its outer length word.
    package var templateData: Range<Int> { nameStart + Int(nameCount) + (isLegacy ? 0 : 4)..<end }

    private var nameStart: Int { start + 8 + Int(columnCount) }

    /// - Parameters:
    ///   - range: the whole record, whose parts the caller has checked to lie in it.
    ///   - nameCount: length of the template's name in bytes.
    init(_ range: Range<Int>, nameCount: Int, pcr: UInt32, format: LogFormat, isLegacy: Bool, isViolation: Bool) {
        start = range.lowerBound
        end = range.upperBound
        self.nameCount = UInt32(truncatingIfNeeded: nameCount)
        self.pcr = pcr
        column = format.column
        columnCount = UInt8(truncatingIfNeeded: format.column.digestSize)
        byteOrder = format.byteOrder
        self.isLegacy = isLegacy
        self.isViolation = isViolation
    }
}
