import IMA
import SystemPackage
package import TPM

extension ShardReader {
    /// Replays all records towards values of PCRs.
    ///
    /// - Parameter values: of a TPM, read before the last records were stored.
    package func replayed(towards values: PCRValues) throws(ShardError) -> LogReplay {
        var replay = LogReplay(towards: values)
        for entry in index.entries {
            let records = try content(of: entry)
            do throws(LogError) {
                try replay.take(records, index.format)
            } catch {
                throw ShardError(.damaged, path: path(of: entry).string, problem: "\(error)")
            }
        }
        return replay
    }

    /// How many records it takes until the PCRs have the values; nil if they never do.
    package func replay(towards values: PCRValues) throws(ShardError) -> UInt64? {
        try replayed(towards: values).matched
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
