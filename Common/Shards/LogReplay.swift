package import IMA
package import TPM

/// A replay of a log towards the values that a TPM's PCRs have now, from the log's first record on.
package struct LogReplay: Sendable {
    private var replay: PCRReplay
    /// One more than the last record taken.
    package private(set) var nextRecord: UInt64 = 0
    /// How many records it takes until all PCRs that they name have the values, in every bank; nil if they never had.
    /// If they had several times, the last counts.
    package private(set) var matched: UInt64?

    /// Nothing is replayed yet.
    ///
    /// - Parameter values: of a TPM; of the banks that are to be met.
    package init(towards values: PCRValues) {
        let quoted = values.all.map { PCRReplay.Quoted(bank: $0.bank, pcr: UInt32($0.index), value: $0.value) }
        replay = PCRReplay(towards: quoted, pcrs: [10])
        matched = replay.isMatched ? 0 : nil
    }

    /// Replays the whole records that follow.
    package mutating func take(_ records: [UInt8], _ format: LogFormat) throws(LogError) {
        var cursor = RecordReader(records.span, format: format, firstRecord: nextRecord)
        while let record = try cursor.next() {
            _ = replay.extend(record, in: records.span)
            if replay.isMatched { matched = cursor.nextRecord }
        }
        nextRecord = cursor.nextRecord
    }
}
