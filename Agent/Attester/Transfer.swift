import Messages

/// The shards of one round: what was sent, what the verifier has taken, what may be sent now.
struct Transfer: Sendable {
    let round: UInt64
    let first: UInt64
    let end: UInt64
    let shardBytes: Int
    private(set) var next: UInt64
    private(set) var bytesSent: UInt64 = 0
    private let bytesTotal: UInt64
    /// For each shard in flight the record behind it.
    private var inFlight: [UInt64] = []
    private var window: Int
    private var sentLast = false

    init(_ challenge: Challenge, end: UInt64, bytes: UInt64) {
        round = challenge.round
        first = challenge.firstRecord
        next = challenge.firstRecord
        shardBytes = Int(min(challenge.shardBytes, AttesterSession.maximumShardBytes))
        window = Int(challenge.window)
        bytesTotal = bytes
        self.end = end
    }

    var maySend: Bool { !sentLast && inFlight.count < window }

    /// The same transfer once the verifier has taken more; a credit for another round changes nothing.
    func credited(_ credit: ShardCredit) -> Transfer {
        guard credit.round == round else { return self }
        var transfer = self
        transfer.inFlight.removeAll { $0 <= credit.nextRecord }
        transfer.window = Int(credit.window)
        return transfer
    }

    /// Makes the next shard out of whole records.
    mutating func take(_ records: [UInt8], count: UInt32) -> LogShard {
        let from = next
        next += UInt64(count)
        bytesSent += UInt64(records.count)
        inFlight.append(next)
        sentLast = next >= end
        return LogShard(
            round: round, firstRecord: from, recordCount: count, records: records, moreDataPending: !sentLast,
            recordsRemaining: end - min(next, end), bytesRemaining: bytesTotal - min(bytesSent, bytesTotal))
    }

    func progress(of shard: LogShard) -> AttesterSession.Progress {
        AttesterSession.Progress(
            firstRecord: first, recordsSent: next - first, bytesSent: bytesSent, recordsTotal: end - first,
            bytesTotal: bytesTotal, shardRecords: shard.recordCount, shardBytes: shard.records.count,
            moreDataPending: shard.moreDataPending)
    }
}
