package import AssayCrypto
import Bytes
import Glibc
package import IMA
package import Shards
package import SystemPackage
package import TPM

/// The host's measurement log: stored in shards as it grows, and served from any record of the boot epoch on, however
/// long ago the kernel freed it. Neither the log nor an index of its records is held in memory.
package final class MeasurementLog {
    /// How the log is kept.
    package struct Settings: Sendable {
        /// The folder of all epochs' shards.
        package var directory: FilePath
        /// Who may read them, and how much room they may take.
        package var options: ShardWriter.Options
        /// Whether the kernel's records are freed once they are stored, where the kernel can.
        package var trims: Bool
        /// Sees what is done to the shards' files.
        package var observe: FileObserver

        /// Shards in a folder; nothing is freed.
        package init(
            directory: FilePath, options: ShardWriter.Options = ShardWriter.Options(), trims: Bool = false,
            observe: @escaping FileObserver = { _ in }
        ) {
            self.directory = directory
            self.options = options
            self.trims = trims
            self.observe = observe
        }
    }

    let kernel: KernelLog
    let settings: Settings
    /// The running kernel's name for its own boot.
    let kernelName: () -> String
    /// Nil until the epoch is known.
    var writer: ShardWriter?
    /// Where the running kernel's list stands: what the index says, once the index was read for this reading.
    var position: KernelPosition?
    /// Whether this process holds the lock of who moves the list on: only then it writes down where that stands.
    private(set) var isHolding = false
    /// The open file, read as far as it goes.
    var stream: RecordStream?
    /// What there is no room for.
    var overflow: Overflow?
    /// Whether what is stored begins with a snapshot; nil until that was looked up.
    var beginsWithSnapshot: Bool?
    /// The number of the first record, as a verifier's Challenge has it: its match tells whether that is right.
    var assumedFirst: UInt64?
    /// The record behind a kexec that did not carry the log over, as it seems, for as long as nothing shows that what is
    /// stored before it led to the PCRs that the kernel's list goes on from. A host that lost its power while it was
    /// suspended looks the same: then the list alone leads to the PCRs, and what is stored is stale.
    private(set) var unprovenRecord: UInt64?
    private var banks: [PCRBank] = []
    private var notices: [LogNotice] = []
    private var said: Set<LogNotice> = []
    /// Gaps of the log that were noticed and aren't remembered on the disk yet.
    private var gaps: [LogGap] = []
    /// A shard turned out to be damaged when it was served.
    private var damage: ShardError?

    /// A log of which nothing was read yet.
    ///
    /// - Parameters:
    ///   - kernelName: nil takes /proc/sys/kernel/random/boot_id.
    package init(kernel: KernelLog, settings: Settings, kernelName: (() -> String)? = nil) {
        self.kernel = kernel
        self.settings = settings
        self.kernelName = kernelName ?? { BootID.word }
    }

    /// The log that a kernel shows at a path: a securityfs folder, or a log's file.
    package convenience init(path: FilePath, settings: Settings) {
        self.init(files: HostFiles(path: path), settings: settings)
    }

    /// The log that a kernel's files show.
    convenience init(files: any KernelFiles, settings: Settings) {
        // 10 ms to 160 ms: a `cat` of the log is over by then.
        let kernel = KernelLog(files: files) { usleep(UInt32(5000) << UInt32(min($0, 5))) }
        self.init(kernel: kernel, settings: settings)
    }

    /// One more than the last whole record read.
    package var nextRecord: UInt64 { overflow?.next ?? writer?.nextRecord ?? 0 }

    /// What nothing in the log says; little endian and SHA-1 until the first record was read.
    package var format: LogFormat { writer?.reader?.index.format ?? stream?.format ?? LogFormat() }

    /// The PCRs that records named.
    package var pcrs: PCRSet {
        let stored = writer?.reader?.index.entries.last?.lanes.map { Int($0.pcr) } ?? []
        return PCRSet([10] + stored).union(overflow?.pcrs ?? [])
    }

    /// What was noticed since this was last asked, each once as long as the agent runs.
    package func takeNotices() -> [LogNotice] {
        defer { notices = [] }
        return notices
    }

    /// Reads what the kernel has logged since the last call, to its end, and stores it.
    ///
    /// - Parameters:
    ///   - epoch: the boot, as the TPM tells it; shards of others are removed.
    ///   - banks: whose PCR values the shards' index is to have.
    package func refresh(epoch: BootEpoch, banks: [PCRBank]) throws(AttesterError) {
        if writer?.epoch != epoch || self.banks != banks { try begin(epoch, banks) }
        try locked { writer, lock throws(ShardError) in try writer.synchronize(holding: lock) }
        if damage != nil { _ = try startOverFromKernel() }
        do throws(AttesterError) {
            try read()
        } catch {
            guard damage != nil, try startOverFromKernel() else { throw error }
            try read()
        }
        if !gaps.isEmpty { try locked { _, _ throws(ShardError) in } }
    }

    /// Reads on in the boot that is known already; nothing before the first ``refresh(epoch:banks:)``.
    package func goOn() throws(AttesterError) {
        // What has no room in the shards would be read from the kernel each time.
        guard let epoch = writer?.epoch, overflow == nil else { return }
        try refresh(epoch: epoch, banks: banks)
    }

    /// How many bytes the records from `first` on have.
    func byteCount(from first: UInt64) throws(AttesterError) -> UInt64 {
        var bytes: UInt64 = 0
        if let overflow, first >= overflow.first {
            bytes = try overflowBytes(overflow, from: first)
        } else if first <= nextRecord {
            let before = try reading { reader throws(ShardError) in try reader.offset(of: first) } ?? 0
            bytes = (writer?.reader?.index.bytes ?? 0) - before + (overflow?.bytes ?? 0)
        }
        return bytes
    }

    /// Whole records from `first` on, none at or behind `end`; perhaps fewer than would fit.
    ///
    /// - Parameter maximumBytes: no more than this, unless the first record alone is larger.
    package func shard(
        first: UInt64, end: UInt64, maximumBytes: Int
    ) throws(AttesterError) -> (records: [UInt8], count: UInt32) {
        guard first < min(end, nextRecord) else { return ([], 0) }
        if let overflow, first >= overflow.first {
            return try overflowRecords(overflow, from: first, to: end, maximumBytes: max(1, maximumBytes))
        }
        let found = try reading { reader throws(ShardError) in
            try reader.records(from: first, to: end, maximumBytes: max(1, maximumBytes))
        }
        return (found?.bytes ?? [], UInt32(clamping: found?.count ?? 0))
    }

    /// Whether the stored records lead to PCR values, as the index has it: of those PCRs that records name.
    func leads(to values: PCRValues) -> Bool {
        guard overflow == nil, let lanes = writer?.reader?.index.entries.last?.lanes else { return false }
        return values.all.allSatisfy { bank, index, value in
            let own = lanes.filter { $0.bank == bank && $0.pcr == UInt32(index) }
            return own.isEmpty ? !pcrs.contains(index) : own.contains { $0.value == value }
        }
    }

    /// Holds what is stored to values that the PCRs had a moment ago: only once it leads to them, records behind an
    /// unproven one are freed.
    func prove(by values: PCRValues) {
        guard unprovenRecord != nil, leads(to: values) else { return }
        // Values of other PCRs alone prove nothing.
        let quoted = Set(values.all.map(\.index))
        if PCRSet(10...15).intersection(pcrs).indices.allSatisfy(quoted.contains) { unprovenRecord = nil }
    }

    func note(_ notice: LogNotice) {
        if case .gap(let gap) = notice, gap.cause == .notCarriedOver { unprovenRecord = gap.record }
        guard said.insert(notice.occasion).inserted else { return }
        notices.append(notice)
        if case .gap(let gap) = notice { gaps.append(gap) }
    }

    /// Notes that there is no room; throws any other error.
    func noteFull(_ error: AttesterError) throws(AttesterError) {
        guard case .shards(.full) = error.code else { throw error }
        note(.full(ShardError(.full, path: error.place, problem: error.problem)))
    }

    /// Does something while no other process moves the kernel's list on, if that can be had: else `isHolding` is false.
    /// What the index says is taken over first.
    func holding<Result>(_ body: () throws(AttesterError) -> Result) throws(AttesterError) -> Result {
        let lock = try lockTrimming()
        isHolding = lock != nil
        defer { isHolding = false }
        try takeOver()
        let result = try body()
        _ = consume lock
        return result
    }

    /// Takes over what other processes have stored and written down since.
    func takeOver() throws(AttesterError) {
        try locked { writer, lock throws(ShardError) in try writer.synchronize(holding: lock) }
    }

    /// The lock of who moves the list on; nil if another process keeps it.
    private func lockTrimming() throws(AttesterError) -> ShardLock? {
        do throws(ShardError) {
            return try writer?.lockTrimming()
        } catch {
            guard error.code == .locked else { throw AttesterError(error) }
            if settings.trims { note(.locked(path: error.path)) }
            return nil
        }
    }

    /// Does something with the writer, which nobody else's keeps out meanwhile.
    func locked<Result>(
        _ body: (inout ShardWriter, borrowing ShardLock) throws(ShardError) -> Result
    ) throws(AttesterError) -> Result {
        guard var writer else { throw AttesterError(.logUnreadable, place: "shards", problem: "no epoch is known") }
        self.writer = nil  // so that nothing is copied
        defer {
            for notice in writer.takeNotices() {
                note(.shards(notice))
                if case .damaged(let error) = notice { damage = error }
            }
            self.writer = writer
        }
        do throws(ShardError) {
            let lock = try writer.lock()
            // First, so that no position is remembered without what explains it; what has no room now has its turn later.
            if !gaps.isEmpty, (try? writer.keep(gaps, holding: lock)) != nil { gaps = [] }
            return try body(&writer, lock)
        } catch {
            remember(error)
            throw AttesterError(error)
        }
    }

    func reading<Result>(
        _ body: (inout ShardReader) throws(ShardError) -> Result
    ) throws(AttesterError) -> Result? {
        guard writer?.reader != nil else { return nil }
        do throws(ShardError) {
            return try writer?.read(body)
        } catch {
            remember(error)
            throw AttesterError(error)
        }
    }

    /// The next refresh writes the shards anew, if it can.
    private func remember(_ error: ShardError) {
        if error.code == .damaged || error.code == .missing { damage = error }
    }

    private func begin(_ epoch: BootEpoch, _ banks: [PCRBank]) throws(AttesterError) {
        writer = ShardWriter(
            root: settings.directory, epoch: epoch, banks: banks, options: settings.options,
            observe: settings.observe)
        self.banks = banks
        (stream, overflow, position, said, damage, gaps) = (nil, nil, nil, [], nil, [])
        (beginsWithSnapshot, assumedFirst, unprovenRecord) = (nil, nil, nil)
        try locked { writer, lock throws(ShardError) in try writer.removeOtherEpochs(holding: lock) }
        // What an earlier process saw still explains what a verifier finds.
        for gap in (try? writer?.gaps()) ?? [] { note(.gap(gap)) }
    }

    /// Forgets the shards, one of which is damaged, if the kernel holds all that was in them.
    private func startOverFromKernel() throws(AttesterError) -> Bool {
        try holding { () throws(AttesterError) in
            guard let damage else { return true }  // another process has done it
            self.damage = nil
            guard isHolding, let known = writer?.reader?.index.kernel, known.kernel == kernelName(),
                known.hasAll
            else { return false }
            note(.writtenAnew(damage))
            try startOver()
            return true
        }
    }

    /// Forgets everything that was stored.
    func startOver() throws(AttesterError) {
        (stream, overflow, damage) = (nil, nil, nil)
        (beginsWithSnapshot, assumedFirst, unprovenRecord) = (nil, nil, nil)
        position = KernelPosition(kernel: kernelName(), record: 0)
        try locked { writer, lock throws(ShardError) in try writer.startOver(holding: lock) }
    }
}
