/// What a kernel extends a bank with; as a set, the forms that are still possible for a bank.
///
/// Since 5.8 the kernel hashes each record's template data with the bank's own hash. Before, and later for a bank whose
/// hash the kernel lacks when it starts, it extends the SHA-1 digest with zeros behind it. What it extends for a violation
/// then changed in 5.8 too. Source: Linux, security/integrity/ima/ima_queue.c and ima_crypto.c.
package struct PaddingForms: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue & 7
    }

    /// The bank's own hash; a violation is 0xFF over the bank's size.
    package static let own = PaddingForms(rawValue: 1)
    /// SHA-1 and zeros; a violation is 0xFF over the bank's size.
    package static let padded = PaddingForms(rawValue: 2)
    /// SHA-1 and zeros; a violation is 20 times 0xFF, and zeros.
    package static let paddedViolations = PaddingForms(rawValue: 4)

    /// All three: nothing is known yet.
    package static let all: PaddingForms = [.own, .padded, .paddedViolations]
}
