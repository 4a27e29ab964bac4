internal import Bytes
internal import IMA

/// What a round's records tell of kexecs.
struct KexecTrace: Sendable {
    /// What a kernel's count of its records is worth.
    enum Count: Hashable, Sendable {
        /// It is that of the records replayed.
        case agrees
        /// It is more, or less than those that the kernel itself has made.
        case disagrees(counted: UInt64, expected: ClosedRange<UInt64>)
    }

    /// How many records other processors may have added between a kernel's count and the record that holds it.
    private static let allowance: UInt64 = 1024

    /// The last boot_aggregate behind record 0: another kernel's first record.
    var bootAggregate: UInt64?
    /// This round's first record.
    private let firstRecord: UInt64
    /// The first record in which a kernel counted more records than there are.
    private var lost: (record: UInt64, counted: UInt64)?

    /// Of a round that begins with a record.
    init(firstRecord: UInt64) {
        self.firstRecord = firstRecord
    }

    /// Takes a measured buffer in.
    ///
    /// A kernel counts the records that it was handed by the one before, as far as they were, and its own, with the one that
    /// holds the count or without: no more than there are, and no fewer than stand behind the last boot_aggregate.
    /// - Returns: what the count in it is worth; nil if it is no kexec's record.
    mutating func note(_ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64) -> Count? {
        guard let counted = KexecCounts(fields, in: bytes)?.counted else { return nil }
        if counted > number, lost == nil { lost = (number, counted) }
        let own = number - min(number, bootAggregate ?? firstRecord)
        let expected = (own - min(own, Self.allowance))...max(number, number &+ 1)
        return expected.contains(counted) ? .agrees : .disagrees(counted: counted, expected: expected)
    }

    /// What a log lacks, as far as it can be told; nil if it tells of no kexec.
    var missingRecords: Finding? {
        if let lost {
            return Finding(
                .recordsMissing, record: lost.record, found: "\(lost.record) records before a kexec",
                expected: "\(lost.counted), which is what the kernel counted",
                remedy: Self.coldBoot + "; set CONFIG_IMA_KEXEC_EXTRA_MEMORY_KB higher in its kernel, or run "
                    + Self.snapshot)
        }
        guard let bootAggregate else { return nil }
        return Finding(
            .recordsMissing, record: bootAggregate, path: Array("boot_aggregate".utf8),
            found:
                "another kernel's first record: the host was started by kexec, and what was measured before, and not "
                + "stored, is lost unless its log was carried over",
            remedy: Self.coldBoot + "; build its kernels with CONFIG_IMA_KEXEC and load them with kexec -s, or run "
                + Self.snapshot)
    }

    private static let snapshot = "assay-agent shards snapshot as the last thing before kexec -e."
    /// Another kexec would begin no new log.
    private static let coldBoot = "Boot the host through its firmware, not by kexec, to begin a new log"
}
