/// Where the list that a kernel shows stands among the boot epoch's records: the agent's own bookkeeping, for no kernel
/// tells how many records it has freed.
package struct KernelPosition: Hashable, Sendable {
    /// The kernel, by its name for its own boot (/proc/sys/kernel/random/boot_id), which a kexec changes.
    package var kernel: String
    /// The number, in the boot epoch, of the record at `offset`.
    package var record: UInt64
    /// Bytes from the start of the kernel's list to that record. Not 0 only behind a kexec that carried a part of the log
    /// over.
    package var offset: UInt64
    /// The number of the first record that this kernel had when it started.
    package var start: UInt64
    /// The records before this one are stored, and the kernel was about to be told to free them: whether it did shows
    /// in what it has.
    package var deleting: UInt64?

    /// Whether the list has all of the boot epoch's records, and none was about to be freed: what is stored of them, others
    /// can have again.
    package var hasAll: Bool { record == 0 && offset == 0 && deleting == nil }

    /// The list of a kernel.
    package init(kernel: String, record: UInt64, offset: UInt64 = 0, start: UInt64? = nil, deleting: UInt64? = nil) {
        self.kernel = kernel
        self.record = record
        self.offset = offset
        self.start = start ?? record
        self.deleting = deleting
    }

    /// `KERNEL record=N offset=N start=N [deleting=N]`.
    var text: String {
        "\(kernel) record=\(record) offset=\(offset) start=\(start)" + (deleting.map { " deleting=\($0)" } ?? "")
    }

    /// Reads what ``text`` writes; nil for anything else.
    init?(_ words: some Collection<Substring>) {
        guard let kernel = words.first else { return nil }
        var numbers: [Substring: UInt64] = [:]
        for word in words.dropFirst() {
            let sides = word.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, let number = UInt64(sides[1]) else { return nil }
            numbers[sides[0]] = number
        }
        guard let record = numbers["record"], let offset = numbers["offset"], let start = numbers["start"],
            start <= record
        else { return nil }
        self.init(
            kernel: String(kernel), record: record, offset: offset, start: start, deleting: numbers["deleting"])
    }
}
