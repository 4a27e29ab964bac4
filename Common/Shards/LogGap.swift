/// A place in a boot's log where records may be missing, and why: what explains a replay that doesn't lead to the PCRs, long
/// after the program that saw it has ended. Whether any are missing, only a replay tells.
package struct LogGap: Hashable, Sendable, CustomStringConvertible {
    /// How records may have got lost.
    package enum Cause: Hashable, Sendable {
        /// A kexec did not carry the log over.
        case notCarriedOver
        /// A kexec carried a part of the log over.
        case partlyCarriedOver
        /// A kernel counted more records before a kexec than the log has.
        case counted(UInt64, held: UInt64)
        /// The kernel's list didn't go on where it had been left.
        case trimmedByAnother
        /// Shards and the kernel's list before that record didn't lead to the TPM's PCRs.
        case unfit
    }

    /// The number of the first record behind the gap.
    package let record: UInt64
    /// How records may have got lost.
    package let cause: Cause

    /// A gap before a record.
    package init(before record: UInt64, _ cause: Cause) {
        self.record = record
        self.cause = cause
    }

    /// A sentence for operators, with what to do.
    package var description: String {
        switch cause {
        case .notCarriedOver:
            "this host was started by kexec, and its log was not carried over: what was measured after record "
                + "\(record) was stored, and before the new kernel started, if anything, is lost. If the verdict is "
                + "pcr_mismatch, "
                + "\(Self.coldBoot); build its kernels with CONFIG_IMA_KEXEC and load them with kexec -s, or run "
                + Self.snapshot
        case .partlyCarriedOver:
            "this host was started by kexec, and only a part of its log was carried over: the shards have the rest. "
                + "If a kernel before 6.16 measured something between kexec load and execute that was not stored yet, "
                + "those records, from \(record) on, are lost: then \(Self.coldBoot)"
        case .counted(let counted, let held):
            "record \(record): the kernel counted \(counted) records before its kexec, the log has \(held): records "
                + "are lost. To begin a new log, \(Self.coldBoot); set CONFIG_IMA_KEXEC_EXTRA_MEMORY_KB higher in its "
                + "kernel, or run \(Self.snapshot)"
        case .trimmedByAnother:
            "the kernel's log doesn't go on at record \(record): another program frees its records. If the verdict is "
                + "pcr_mismatch, \(Self.coldBoot); let only one program trim (trim: off here, or there)"
        case .unfit:
            "shards and log of \(record) records didn't replay to the TPM's PCRs when they were looked at: some are missing "
                + "or were changed. To begin a new log, \(Self.coldBoot)"
        }
    }

    private static let snapshot = "assay-agent shards snapshot as the last thing before kexec -e"
    /// Another kexec would begin no new log.
    private static let coldBoot = "boot this host through its firmware, not by kexec"
}

extension LogGap {
    /// `RECORD CAUSE`, with two numbers behind the cause where the kernel counted.
    var text: String {
        switch cause {
        case .notCarriedOver: "\(record) not-carried-over"
        case .partlyCarriedOver: "\(record) partly-carried-over"
        case .counted(let counted, let held): "\(record) counted \(counted) \(held)"
        case .trimmedByAnother: "\(record) trimmed-by-another"
        case .unfit: "\(record) unfit"
        }
    }

    /// Reads what ``text`` writes; nil for anything else.
    init?(text: Substring) {
        let words = text.split(separator: " ")
        guard words.count >= 2, let record = UInt64(words[0]) else { return nil }
        let numbers = words.dropFirst(2).compactMap { UInt64($0) }
        switch (words[1], words.count, numbers.count) {
        case ("not-carried-over", 2, 0): self.init(before: record, .notCarriedOver)
        case ("partly-carried-over", 2, 0): self.init(before: record, .partlyCarriedOver)
        case ("counted", 4, 2): self.init(before: record, .counted(numbers[0], held: numbers[1]))
        case ("trimmed-by-another", 2, 0): self.init(before: record, .trimmedByAnother)
        case ("unfit", 2, 0): self.init(before: record, .unfit)
        default: return nil
        }
    }
}
