import AssayCrypto
import IMA
package import SystemPackage

/// Reads a boot epoch's records back, from any record on. It needs neither the kernel's log nor a TPM.
package struct ShardReader: Sendable {
    /// The folder of all epochs.
    package let root: FilePath
    /// What is stored.
    package internal(set) var index: ShardIndex
    let folder: ShardFolder
    /// The shard read last, and a place in it: the next record asked for is usually there.
    private var loaded: Loaded?

    fileprivate struct Loaded: Sendable {
        let name: ShardName
        let bytes: [UInt8]
        var record: UInt64
        var offset: Int
    }

    /// The index's name in an epoch's folder.
    static let indexName = "index"
    /// A text of more bytes is no index.
    static let maximumIndexBytes = 1 << 28

    init(root: FilePath, index: ShardIndex, folder: ShardFolder) {
        self.root = root
        self.index = index
        self.folder = folder
    }

    /// Opens an epoch's shards.
    ///
    /// - Parameter epoch: nil for the newest.
    /// - Throws: `.noShards`; `.indexMalformed`, which a writer repairs.
    package init(
        root: FilePath, epoch: BootEpoch? = nil, observe: @escaping FileObserver = { _ in }
    ) throws(ShardError) {
        let lock = try ShardLock(root, .shared)
        let newest = try Self.epochs(in: root).last
        guard let epoch = epoch ?? newest else {
            throw ShardError(.noShards, path: root.string, problem: "holds no boot's shards")
        }
        let folder = ShardFolder(
            path: root.appending(epoch.folder), permissions: ShardPermissions(), observe: observe)
        guard let index = try Self.readIndex(folder)?.index else {
            throw ShardError(.noShards, path: folder.path.string, problem: "has no index")
        }
        self.init(root: root, index: index, folder: folder)
        _ = consume lock
    }

    /// The boots that have shards, by their count.
    package static func epochs(in root: FilePath) throws(ShardError) -> [BootEpoch] {
        let folder = ShardFolder(path: root, permissions: ShardPermissions(), observe: { _ in })
        return try folder.names().compactMap { BootEpoch(folder: $0) }.sorted()
    }

    /// Where a shard's bytes are.
    package func path(of entry: ShardEntry) -> FilePath { folder.path.appending(entry.name.text) }

    /// A whole shard, as it was written.
    ///
    /// - Throws: `.missing` or `.damaged`, with its path.
    package func content(of entry: ShardEntry) throws(ShardError) -> [UInt8] {
        let path = path(of: entry).string
        // A writer that was killed may have left the newest one under its first name.
        let named = try folder.content(entry.name.text, limit: Int(entry.bytes))
        let unnamed = named == nil ? try folder.content(entry.name.temporary, limit: Int(entry.bytes)) : nil
        guard let bytes = named ?? unnamed else {
            throw ShardError(.missing, path: path, problem: "isn't there; it held \(entry.name.count) records")
        }
        guard bytes.count == Int(entry.bytes), PCRBank.sha256.digest(of: bytes) == entry.sha256 else {
            throw ShardError(.damaged, path: path, problem: "isn't what was written: its SHA-256 differs")
        }
        return bytes
    }

    /// Whole records from `first` on, none at or behind `end`.
    ///
    /// - Parameter maximumBytes: no more than this, unless the first record alone is larger.
    package mutating func records(
        from first: UInt64, to end: UInt64, maximumBytes: Int
    ) throws(ShardError) -> (bytes: [UInt8], count: UInt64) {
        var records: [UInt8] = []
        var next = first
        let end = min(end, index.nextRecord)
        while next < end, let position = index.position(of: next) {
            var shard = try load(index.entries[position])
            shard.advance(to: next, delimiter)
            let room = maximumBytes - records.count
            let found = shard.records(below: end, maximumBytes: room, delimiter)
            let length = found.offset - shard.offset
            guard found.record > next, length <= room || records.isEmpty else {
                loaded = shard
                break
            }
            records += shard.bytes[shard.offset..<found.offset]
            next = found.record
            (shard.record, shard.offset) = found
            loaded = shard
        }
        return (records, next - first)
    }

    /// Bytes of the records before one.
    package mutating func offset(of record: UInt64) throws(ShardError) -> UInt64 {
        guard let position = index.position(of: record) else { return index.bytes }
        let before = index.entries[..<position].reduce(0) { $0 + $1.bytes }
        guard record > index.entries[position].name.first else { return before }
        var shard = try load(index.entries[position])
        shard.advance(to: record, delimiter)
        loaded = shard
        return before + UInt64(shard.offset)
    }

    private var delimiter: LogDelimiter { LogDelimiter(index.format) }

    private mutating func load(_ entry: ShardEntry) throws(ShardError) -> Loaded {
        if let loaded, loaded.name == entry.name {
            self.loaded = nil  // so that its bytes aren't copied when its place changes
            return loaded
        }
        return Loaded(name: entry.name, bytes: try content(of: entry), record: entry.name.first, offset: 0)
    }

    /// Forgets what is loaded: its file may not be what it was.
    mutating func forget() { loaded = nil }

    static func readIndex(_ folder: ShardFolder) throws(ShardError) -> (index: ShardIndex, length: Int)? {
        guard let bytes = try folder.content(indexName, limit: maximumIndexBytes) else { return nil }
        do throws(ShardIndex.MalformedLine) {
            return try ShardIndex.read(bytes)
        } catch {
            throw ShardError(
                .indexMalformed, path: folder.path.appending(indexName).string,
                problem: "line \(error.number) is none of an index's")
        }
    }
}

extension ShardReader.Loaded {
    /// Goes to a record of the shard.
    fileprivate mutating func advance(to wanted: UInt64, _ delimiter: LogDelimiter) {
        if record > wanted { (record, offset) = (name.first, 0) }
        (record, offset) = records(below: wanted, maximumBytes: .max, delimiter)
    }

    /// The place behind the records that are below a number and fit; the first one always fits.
    ///
    /// The shard's digest was checked, so that its records are those that were once delimited.
    fileprivate func records(
        below end: UInt64, maximumBytes: Int, _ delimiter: LogDelimiter
    ) -> (record: UInt64, offset: Int) {
        var place = (record: record, offset: offset)
        while place.record < end,
            case .record(let layout)? = try? delimiter.record(in: bytes.span, at: place.offset, number: place.record),
            layout.range.upperBound - offset <= maximumBytes || place.record == record
        {
            place = (place.record + 1, layout.range.upperBound)
        }
        return place
    }
}
