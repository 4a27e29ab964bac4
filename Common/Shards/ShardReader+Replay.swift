import AssayCrypto
import IMA
import SystemPackage
package import TPM

extension ShardReader {
    /// Replays all records towards values of PCRs.
    ///
    /// - Parameter values: of a TPM, read before the last records were stored.
    /// - Returns: how many records it takes until all PCRs that they name have the values, in every bank; nil if they
    ///   never do.
    package func replay(towards values: PCRValues) throws(ShardError) -> UInt64? {
        let quoted = values.all.map { PCRReplay.Quoted(bank: $0.bank, pcr: UInt32($0.index), value: $0.value) }
        var replay = PCRReplay(towards: quoted, pcrs: [10])
        var matched: UInt64? = replay.isMatched ? 0 : nil
        for entry in index.entries {
            let bytes = try content(of: entry)
            var cursor = RecordReader(bytes.span, format: index.format, firstRecord: entry.name.first)
            while let record = try next(&cursor, entry) {
                _ = replay.extend(record, in: bytes.span)
                if replay.isMatched { matched = cursor.nextRecord }
            }
        }
        return matched
    }

    private func next(_ cursor: inout RecordReader, _ entry: ShardEntry) throws(ShardError) -> RecordLayout? {
        do throws(LogError) {
            return try cursor.next()
        } catch {
            throw ShardError(.damaged, path: path(of: entry).string, problem: "\(error)")
        }
    }
}

extension ShardReader {
    /// Gives each shard's bytes, in the log's order.
    ///
    /// The newest shard alone may be replaced meanwhile, by one that begins with the same records: it is opened first.
    package func forEachShard(_ body: ([UInt8]) throws(ShardError) -> Void) throws(ShardError) {
        guard let newest = index.entries.last else { return }
        let last = try content(of: newest)
        for entry in index.entries.dropLast() { try body(try content(of: entry)) }
        try body(last)
    }
}
