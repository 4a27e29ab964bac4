import AssayCrypto
import IMA
import SystemPackage

/// What a writer does before it writes: it finishes what a killed one began, and reports what no kill leaves behind.
extension ShardWriter {
    /// The epoch's shards, consistent; nil if there are none.
    mutating func recover(holding lock: borrowing ShardLock) throws(ShardError) -> ShardReader? {
        let known: (index: ShardIndex, length: Int)?
        do throws(ShardError) {
            known = try ShardReader.readIndex(folder)
        } catch {
            guard error.code == .indexMalformed else { throw error }
            known = nil
        }
        let names = try folder.names()
        try folder.give(names.filter(Self.isWritten))
        guard let known, known.index.epoch == epoch else { return try rebuild(from: names) }
        if folder.status(ShardReader.indexName)?.length != UInt64(known.length) {
            // A line that was being written: cut it off, so that the next one begins a line.
            try folder.append([], to: ShardReader.indexName, at: Int64(known.length))
        }
        try finish(known.index, names)
        for entry in known.index.entries { try check(entry) }
        return ShardReader(root: root, index: known.index, folder: folder)
    }

    /// Whether a writer makes files of such a name.
    private static func isWritten(_ name: String) -> Bool {
        [ShardReader.indexName, ShardFolder.gapsName].contains(name) || name.hasSuffix(".partial")
            || ShardName(name) != nil
    }

    /// Gives the newest shard its name if only that was missing, and removes what it replaced and what was never used.
    private func finish(_ index: ShardIndex, _ names: [String]) throws(ShardError) {
        if let last = index.entries.last?.name, !names.contains(last.text), names.contains(last.temporary) {
            try folder.rename(last.temporary, to: last.text)
        }
        for name in names where name != ShardReader.indexName {
            let isLeft = name.hasPrefix(".") && name.hasSuffix(".partial")
            let isReplaced =
                ShardName(name).map { shard in
                    shard.first < index.nextRecord
                        && index.position(of: shard.first).map { index.entries[$0].name } != shard
                } ?? false
            if isLeft || isReplaced { try folder.remove(name) }
        }
    }

    /// Notes a shard that isn't there or hasn't its length; its digest is checked when it is read.
    private mutating func check(_ entry: ShardEntry) throws(ShardError) {
        let path = folder.path.appending(entry.name.text).string
        switch folder.status(entry.name.text)?.length {
        case entry.bytes: return
        case nil:
            note(
                .damaged(ShardError(.missing, path: path, problem: "isn't there; it held \(entry.name.count) records")))
        case let length?:
            let problem = "has \(length) bytes, and had \(entry.bytes)"
            note(.damaged(ShardError(.damaged, path: path, problem: problem)))
        }
    }

    /// Makes an index out of the shards themselves, as far as they follow one another.
    private mutating func rebuild(from names: [String]) throws(ShardError) -> ShardReader? {
        let shards = names.compactMap { ShardName($0) }.sorted()
        guard let first = shards.first, let bytes = try folder.content(first.text, limit: Self.maximumShardBytes),
            let format = try? LogFormat.detect(bytes.span)
        else { return nil }
        var index = ShardIndex(epoch: epoch, format: format)
        var replay = PCRReplay(banks: banks, pcrs: [])
        // Of two with the same first record the longer one comes later, and replaces the other.
        for name in shards.longestFirsts {
            guard name.first == index.nextRecord else {
                let problem = "doesn't follow record \(index.nextRecord)"
                note(.damaged(ShardError(.damaged, path: folder.path.appending(name.text).string, problem: problem)))
                break
            }
            guard let entry = try entry(name, format, &replay) else { break }
            _ = index.apply(.shard(entry))
        }
        try replaceIndex(with: index)
        note(
            .indexRebuilt(
                path: folder.path.appending(ShardReader.indexName).string, records: index.nextRecord))
        return reader
    }

    /// Longer than any shard: one that is closed, and a record.
    private static let maximumShardBytes = targetBytes + LogLimits.standard.recordBytes

    /// Reads a shard of which only the name is known; nil, and a note, if it isn't what its name says.
    private mutating func entry(
        _ name: ShardName, _ format: LogFormat, _ replay: inout PCRReplay
    ) throws(ShardError) -> ShardEntry? {
        guard let bytes = try folder.content(name.text, limit: Self.maximumShardBytes) else { return nil }
        var cursor = RecordReader(bytes.span, format: format, firstRecord: name.first)
        do throws(LogError) {
            while let record = try cursor.next() {
                replay.follow(record.pcr < 24 ? record.pcr : 10, in: banks)
                _ = replay.extend(record, in: bytes.span)
            }
        } catch {
            let path = folder.path.appending(name.text).string
            note(.damaged(ShardError(.damaged, path: path, problem: "\(error)")))
            return nil
        }
        guard cursor.nextRecord == name.first + name.count else {
            let problem = "holds \(cursor.nextRecord - name.first) records, and its name says \(name.count)"
            note(.damaged(ShardError(.damaged, path: folder.path.appending(name.text).string, problem: problem)))
            return nil
        }
        return ShardEntry(
            name: name, bytes: UInt64(bytes.count), sha256: PCRBank.sha256.digest(of: bytes), lanes: replay.lanes)
    }
}

extension [ShardName] {
    /// The names, sorted, with only the longest of those that begin at the same record.
    fileprivate var longestFirsts: [ShardName] {
        enumerated().compactMap { index, name in
            index + 1 < count && self[index + 1].first == name.first ? nil : name
        }
    }
}
