package import AssayCrypto
package import IMA
package import SystemPackage

/// Writes a boot epoch's records into shards.
///
/// A shard that has its name is whole, and never changes. The newest one, while it is shorter than ``targetBytes``, is
/// replaced by a longer one with the same first record. Each step is on the disk before the next begins: the new
/// shard under a temporary name, its line in the index, its name, the end of the one that it replaces. So the index
/// never names bytes that aren't there, and a writer that was killed anywhere is gone on from by the next
/// (``ShardWriter/recover(holding:)``).
package struct ShardWriter: Sendable {
    /// What may be configured.
    package struct Options: Hashable, Sendable {
        /// Who may read the shards.
        package var permissions = ShardPermissions()
        /// What all shards of an epoch may take, in bytes.
        package var quotaBytes: UInt64 = 4 << 30

        /// The standard: the writer's own, 4 GiB.
        package init(permissions: ShardPermissions = ShardPermissions(), quotaBytes: UInt64 = 4 << 30) {
            self.permissions = permissions
            self.quotaBytes = quotaBytes
        }
    }

    /// A shard is closed when the next record would take it over this.
    package static let targetBytes = 1 << 20

    let root: FilePath
    /// The boot whose records are written.
    package let epoch: BootEpoch
    let options: Options
    let banks: [PCRBank]
    let folder: ShardFolder
    /// Nil as long as nothing is stored.
    package internal(set) var reader: ShardReader?
    /// What was found since it was last asked for.
    private var found: [ShardNotice] = []
    /// The PCRs after the last stored record.
    private var replay: PCRReplay
    /// The index's file as this writer left it.
    private var indexFile: ShardFolder.Status?

    /// A writer of an epoch's shards. Nothing is read or written before ``synchronize(holding:)``.
    ///
    /// - Parameter banks: whose PCR values the index is to have.
    package init(
        root: FilePath, epoch: BootEpoch, banks: [PCRBank], options: Options = Options(),
        observe: @escaping FileObserver = { _ in }
    ) {
        self.root = root
        self.epoch = epoch
        self.banks = banks
        self.options = options
        folder = ShardFolder(path: root.appending(epoch.folder), permissions: options.permissions, observe: observe)
        replay = PCRReplay(banks: banks, pcrs: [])
    }

    /// Locks out every reader and every other writer.
    package func lock() throws(ShardError) -> ShardLock {
        try ShardFolder(path: root, permissions: options.permissions, observe: folder.observe).make()
        return try ShardLock(root, .exclusive)
    }

    /// Locks out every other program that frees the kernel's records, or writes down where its list stands: flock(2) on
    /// the epoch's folder, exclusive. It is taken before the lock on the folder of all epochs.
    ///
    /// - Throws: `.locked` after 5 seconds.
    package func lockTrimming() throws(ShardError) -> ShardLock {
        try folder.make()
        do throws(ShardError) {
            return try ShardLock(folder.path, .exclusive, patience: Self.trimmingPatience)
        } catch {
            // Removed by another process, just now.
            guard error.code == .inaccessible, folder.status(".") == nil else { throw error }
            try folder.make()
            return try ShardLock(folder.path, .exclusive, patience: Self.trimmingPatience)
        }
    }

    private static let trimmingPatience = 5.0

    /// Reads what is stored, with what another process has replaced taken over.
    package mutating func read<Result>(
        _ body: (inout ShardReader) throws(ShardError) -> Result
    ) throws(ShardError) -> Result? {
        guard var reader else { return nil }
        self.reader = nil  // so that nothing is copied
        defer { self.reader = reader }
        do throws(ShardError) {
            return try body(&reader)
        } catch {
            guard error.code == .missing, let now = try ShardReader.readIndex(folder)?.index, now != reader.index,
                now.nextRecord >= reader.index.nextRecord
            else { throw error }
            reader.index = now
            return try body(&reader)
        }
    }

    /// One more than the last record stored.
    package var nextRecord: UInt64 { reader?.index.nextRecord ?? 0 }

    /// Bytes until the newest shard is closed.
    package var room: Int {
        guard let last = reader?.index.entries.last, last.bytes < Self.targetBytes else { return Self.targetBytes }
        return Self.targetBytes - Int(last.bytes)
    }

    /// What was found, once.
    package mutating func takeNotices() -> [ShardNotice] {
        defer { found = [] }
        return found
    }

    /// Takes over what another process has stored since, and repairs what a killed one left.
    package mutating func synchronize(holding lock: borrowing ShardLock) throws(ShardError) {
        let now = folder.status(ShardReader.indexName)
        if let now, let indexFile, now == indexFile { return }
        reader = try recover(holding: lock)
        restoreReplay()
        indexFile = folder.status(ShardReader.indexName)
    }

    /// Stores whole records. They are on the disk when this returns.
    ///
    /// - Parameters:
    ///   - first: the number of the first; those that are stored already are passed over.
    ///   - format: of the log; counts for the first records of an epoch.
    ///   - kernel: where the list stands that they are of; counts for the first records of an epoch.
    /// - Throws: `.full`; then as many were stored as there was room for.
    package mutating func append(
        _ records: [UInt8], first: UInt64, format: LogFormat, kernel: KernelPosition? = nil,
        holding lock: borrowing ShardLock
    ) throws(ShardError) {
        try synchronize(holding: lock)
        if reader == nil { try begin(format, kernel) }
        guard let index = reader?.index, first <= index.nextRecord else {
            let problem = "record \(first) can't follow record \(nextRecord): the ones between are missing"
            throw ShardError(.malformed, path: folder.path.string, problem: problem)
        }
        var draft = try draft()
        var cursor = RecordReader(records.span, format: index.format, firstRecord: first)
        var start = 0
        do {
            while let record = try next(&cursor) {
                guard cursor.nextRecord > index.nextRecord else {
                    start = cursor.offset
                    continue
                }
                if draft.count > 0, draft.bytes.count + cursor.offset - start > Self.targetBytes {
                    draft.bytes += records[start..<record.range.lowerBound]
                    start = record.range.lowerBound
                    try commit(&draft)
                }
                replay.follow(record.pcr < 24 ? record.pcr : 10, in: banks)
                _ = replay.extend(record, in: records.span)
                draft.count += 1
            }
            draft.bytes += records[start..<cursor.offset]
            try commit(&draft)
        } catch {
            restoreReplay()
            throw error
        }
    }

    /// Whether records are stored at their numbers, byte for byte, as the disk gives them back.
    ///
    /// - Throws: `.missing` or `.damaged`, with the shard's path.
    package mutating func holds(_ records: [UInt8], first: UInt64, count: UInt64) throws(ShardError) -> Bool {
        reader?.forget()
        let stored = try read { reader throws(ShardError) in
            try reader.records(from: first, to: first + count, maximumBytes: .max)
        }
        return stored?.count == count && stored?.bytes == records
    }

    /// Remembers where the kernel's list stands.
    package mutating func set(
        _ kernel: KernelPosition, holding lock: borrowing ShardLock
    ) throws(ShardError) {
        try synchronize(holding: lock)
        guard reader != nil, reader?.index.kernel != kernel else { return }
        try write(.kernel(kernel))
    }

    /// Remembers which record of the boot epoch the first one is, of a log that begins with a snapshot.
    package mutating func set(begins record: UInt64, holding lock: borrowing ShardLock) throws(ShardError) {
        try synchronize(holding: lock)
        guard reader != nil, reader?.index.begins != record else { return }
        try write(.begins(record))
    }

    /// Forgets everything that is stored of this epoch.
    package mutating func startOver(holding lock: borrowing ShardLock) throws(ShardError) {
        reader = nil
        indexFile = nil
        restoreReplay()
        try folder.removeAll()
    }

    /// Removes what is stored of other epochs.
    package mutating func removeOtherEpochs(holding lock: borrowing ShardLock) throws(ShardError) {
        var removed: [BootEpoch] = []
        let all = ShardFolder(path: root, permissions: options.permissions, observe: folder.observe)
        for name in try all.names() {
            if name.hasPrefix("."), name.hasSuffix(".removed") { try all.finishRemoval(name) }
            guard let other = BootEpoch(folder: name), other != epoch else { continue }
            try ShardFolder(path: root.appending(name), permissions: options.permissions, observe: folder.observe)
                .removeAll()
            removed.append(other)
        }
        if !removed.isEmpty { found.append(.removed(removed)) }
    }

    /// Removes the shards of all epochs.
    ///
    /// - Parameter evenIfFreed: also those that hold what the kernel has freed, so that nobody has it any more.
    /// - Throws: `.freed`; the shards of that epoch are as they were.
    package static func removeAll(in root: FilePath, evenIfFreed: Bool) throws(ShardError) {
        for epoch in try ShardReader.epochs(in: root) {
            let folder = ShardFolder(
                path: root.appending(epoch.folder), permissions: ShardPermissions(), observe: { _ in })
            // Nobody may be about to free what goes here.
            let trimming = try ShardLock(folder.path, .exclusive)
            let lock = try ShardLock(root, .exclusive)
            let kernel = evenIfFreed ? nil : (try? ShardReader.readIndex(folder))?.index.kernel
            guard kernel?.hasAll ?? true else {
                let problem = "the kernel has freed records that are only here"
                throw ShardError(.freed, path: folder.path.string, problem: problem)
            }
            try folder.removeAll()
            _ = consume lock
            _ = consume trimming
        }
    }

    mutating func note(_ notice: ShardNotice) { found.append(notice) }
}

extension ShardWriter {
    /// A shard that is being put together.
    private struct Draft {
        let first: UInt64
        var count: UInt64
        var bytes: [UInt8]
        /// The shard that it replaces.
        var replaced: ShardName?

        var isChanged: Bool { count != replaced?.count ?? 0 }
    }

    /// The newest shard as far as it goes, or nothing if it is closed.
    private func draft() throws(ShardError) -> Draft {
        guard let reader, let last = reader.index.entries.last, last.bytes < Self.targetBytes else {
            return Draft(first: nextRecord, count: 0, bytes: [])
        }
        return Draft(
            first: last.name.first, count: last.name.count, bytes: try reader.content(of: last), replaced: last.name)
    }

    /// Makes the draft a shard, if it has what no shard has, and begins the next.
    private mutating func commit(_ draft: inout Draft) throws(ShardError) {
        let name = ShardName(first: draft.first, count: draft.count)
        guard draft.isChanged else {
            draft = Draft(first: name.first + name.count, count: 0, bytes: [])
            return
        }
        let stored = reader?.index.bytes ?? 0
        let replaced = draft.replaced == nil ? 0 : reader?.index.entries.last?.bytes ?? 0
        let after = stored - replaced + UInt64(draft.bytes.count)
        guard after <= options.quotaBytes, name.count <= ShardName.maximumCount, name.first <= ShardName.maximumFirst
        else {
            let problem = "\(after) bytes of shards would be over the quota of \(options.quotaBytes)"
            throw ShardError(.full, path: folder.path.string, problem: problem)
        }
        try folder.create(name.temporary, draft.bytes)
        try folder.synchronizeFolder()
        try write(
            .shard(
                ShardEntry(
                    name: name, bytes: UInt64(draft.bytes.count), sha256: PCRBank.sha256.digest(of: draft.bytes),
                    lanes: replay.lanes)))
        try folder.rename(name.temporary, to: name.text)
        if let replaced = draft.replaced { try folder.remove(replaced.text) }
        draft = Draft(first: name.first + name.count, count: 0, bytes: [])
    }

    /// The folder and an index of nothing, which says from the beginning where the kernel's list stands.
    private mutating func begin(_ format: LogFormat, _ kernel: KernelPosition?) throws(ShardError) {
        try folder.make()
        var index = ShardIndex(epoch: epoch, format: format)
        if let kernel { _ = index.apply(.kernel(kernel)) }
        try replaceIndex(with: index)
        try ShardFolder(path: root, permissions: options.permissions, observe: folder.observe).synchronizeFolder()
    }

    /// Writes the whole index anew.
    mutating func replaceIndex(with index: ShardIndex) throws(ShardError) {
        let temporary = ".\(ShardReader.indexName).partial"
        try folder.create(temporary, Array(index.text.utf8))
        try folder.rename(temporary, to: ShardReader.indexName)
        var index = index
        index.forgetReplaced()
        reader = ShardReader(root: root, index: index, folder: folder)
        indexFile = folder.status(ShardReader.indexName)
    }

    /// Adds a line to the index, and writes it anew when most of it is of no use any more.
    private mutating func write(_ line: ShardIndex.Line) throws(ShardError) {
        guard var reader, let length = indexFile?.length else { return }
        try folder.append(Array(line.text.utf8), to: ShardReader.indexName, at: Int64(length))
        self.reader = nil  // so that its entries aren't copied
        let isNext = reader.index.apply(line)
        self.reader = reader
        indexFile = folder.status(ShardReader.indexName)
        guard isNext else {
            throw ShardError(.indexMalformed, path: folder.path.string, problem: "has a gap at \(line.text)")
        }
        if reader.index.replacedLines > 256 + reader.index.entries.count { try replaceIndex(with: reader.index) }
    }

    private func next(_ cursor: inout RecordReader) throws(ShardError) -> RecordLayout? {
        do throws(LogError) {
            return try cursor.next()
        } catch {
            throw ShardError(.malformed, path: folder.path.string, problem: "these aren't whole records: \(error)")
        }
    }

    private mutating func restoreReplay() {
        replay = PCRReplay(towards: [], pcrs: [], resuming: reader?.index.entries.last?.lanes ?? [])
    }
}
