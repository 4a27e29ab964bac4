package import AssayCrypto

/// The value that a kernel logs as its first record: one digest over the PCRs that the firmware and the boot loader
/// extended.
package enum BootAggregate {
    /// Every value that a kernel may have computed from these PCRs, by bank: over PCRs 0-7, as old kernels do and all
    /// do for SHA-1, and over PCRs 0-9. A bank without all of the PCRs has none.
    ///
    /// - SeeAlso: Linux, security/integrity/ima/ima_crypto.c, `ima_calc_boot_aggregate_tfm`.
    package static func values(of pcrs: PCRValues) -> [PCRBank: [Digest]] {
        var values: [PCRBank: [Digest]] = [:]
        for bank in pcrs.banks {
            let digests = [0...7, 0...9].compactMap { range in aggregate(pcrs, bank, range) }
            if !digests.isEmpty { values[bank] = digests }
        }
        return values
    }

    private static func aggregate(_ pcrs: PCRValues, _ bank: PCRBank, _ range: ClosedRange<Int>) -> Digest? {
        let values = range.compactMap { pcrs[bank, $0] }
        guard values.count == range.count else { return nil }
        return bank.digest(of: values.flatMap(\.bytes))
    }
}
