import IMA
import Shards

/// The log as verifiers know it: by the records' numbers in the boot epoch.
///
/// They are those of the shards, unless what is stored begins with a `snapshot_aggregate`: then the kernel had cut its log
/// before this agent read it, and nobody here knows how many records there were. A verifier that judged them does: a
/// Challenge for record n > 0 is answered as if the snapshot were record n. If the verifier then comes to the quoted PCRs,
/// it is, and that is kept.
extension MeasurementLog {
    /// The oldest record held; nil if only a verifier can tell its number.
    package func firstRecord() throws(AttesterError) -> UInt64? {
        if beginsWithSnapshot == nil, nextRecord > 0 { beginsWithSnapshot = try snapshotStandsFirst() }
        guard beginsWithSnapshot == true else { return 0 }
        return writer?.reader?.index.begins ?? assumedFirst
    }

    /// Where the log stands for a round that begins with a record.
    package func extent(from first: UInt64) throws(AttesterError) -> AttesterSession.LogExtent {
        assumedFirst = nil
        if try firstRecord() == nil, first > 0 { assumedFirst = first }
        let held = try firstRecord()
        let offset = held ?? 0
        return AttesterSession.LogExtent(
            firstRecord: held, nextRecord: offset &+ nextRecord,
            bytes: first < offset ? 0 : try byteCount(from: first - offset))
    }

    /// Whole records from `first` on, none at or behind `end`; perhaps fewer than would fit.
    ///
    /// - Parameter maximumBytes: no more than this, unless the first record alone is larger.
    package func serve(
        first: UInt64, end: UInt64, maximumBytes: Int
    ) throws(AttesterError) -> (records: [UInt8], count: UInt32) {
        let offset = try firstRecord() ?? 0
        guard first >= offset, end >= offset else { return ([], 0) }
        return try shard(first: first - offset, end: end - offset, maximumBytes: maximumBytes)
    }

    /// A round came to its verdict.
    ///
    /// - Parameter next: the record that the verifier's next round begins with: a match has moved it on.
    package func conclude(next: UInt64) throws(AttesterError) {
        guard let first = assumedFirst else { return }
        assumedFirst = nil
        guard next > first else { return }
        try locked { writer, lock throws(ShardError) in try writer.set(begins: first, holding: lock) }
    }

    private func snapshotStandsFirst() throws(AttesterError) -> Bool {
        let first = try shard(first: 0, end: 1, maximumBytes: 1)
        guard case .record(let layout)? = try? LogDelimiter(format).record(in: first.records.span, at: 0, number: 0)
        else { return false }
        return SnapshotAggregate(layout, in: first.records.span) != nil
    }
}
