import Appraisal
import AssayCrypto
import Bytes
import IMA
import Messages
import Store
import TPM

/// The shards of one round, checked against what was asked for and appraised as they come. Provisional to its end.
struct Exchange: ~Copyable {
    let round: Round
    let quote: VerifiedQuote
    /// The TPM's counters, as the quote signed them.
    var clock: ClockInfo { quote.clockInfo }
    /// One more than the last record of this round: the quote froze it.
    private let logEnd: UInt64
    private let maximumBytes: UInt64
    /// Bytes of the epoch's log up to the next record to come.
    private var bytes: UInt64
    private let beganAt: Int64
    private var appraiser: Appraiser
    private var trial: TrialAppraisal?
    /// The shard that is being appraised, and how much of it is.
    private(set) var shard: LogShard?
    private var read = 0
    /// Where the appraisal was at the ends of some shards, ascending; provisional like all the rest.
    private(set) var passed: [AppraisalState] = []

    init(_ round: Round, quote: VerifiedQuote, evidence: Evidence, settings: SessionSettings, time: Int64) {
        self.round = round
        self.quote = quote
        logEnd = evidence.logEnd
        maximumBytes = settings.maximumLogBytes
        bytes = round.plan.state.logBytes
        beganAt = time
        var options = AppraisalOptions()
        options.format = LogFormat(
            byteOrder: round.hello.isBigEndian ? .big : .little, column: round.hello.columnAlgorithm)
        options.imaPCRs = round.plan.measuredPCRs
        options.requiresBootAggregate = true
        options.allowsSHA1 = settings.banks.contains(.sha1)
        options.deniedKeys = round.plan.basis.deniedKeys
        options.verifiedSignatures = settings.verifiedSignatures
        options.time = time
        trial = TrialAppraisal(round.plan, options: options, quote: QuotedPCRs(quote.pcrValues))
        if round.plan.basis.learning != nil, round.plan.firstRecord == 0 {
            options.contentsLimit = settings.contentsBytes
        }
        appraiser = Appraiser(
            policy: round.plan.basis.policy, options: options, state: round.plan.state,
            quote: QuotedPCRs(quote.pcrValues))
    }

    /// The next record to come.
    var nextRecord: UInt64 { appraiser.nextRecord }

    /// A record that was judged once and that this round's log doesn't reach; nil if it reaches all.
    var missedRecord: UInt64? { round.attempt.missedRecord.flatMap { $0 > logEnd ? $0 : nil } }

    /// Whether no further shard is of use: a record could not be delimited.
    var isEnded: Bool { appraiser.isEnded }

    /// Begins a shard; ``appraise()`` goes on with it.
    ///
    /// - Throws: the status to refuse it with, if it isn't what was asked for.
    mutating func take(_ shard: LogShard) throws(Status) {
        let limit = max(Int(round.challenge.shardBytes), shard.recordCount == 1 ? LogLimits.standard.recordBytes : 0)
        guard shard.firstRecord == nextRecord else {
            throw refusal("begins at record \(shard.firstRecord), record \(nextRecord) is next")
        }
        guard shard.records.count <= limit else {
            throw refusal("has \(shard.records.count) bytes, \(limit) were asked for")
        }
        guard UInt64(shard.recordCount) <= logEnd - nextRecord else {
            throw refusal("has \(shard.recordCount) records, which go beyond the round's end at record \(logEnd)")
        }
        let end = nextRecord + UInt64(shard.recordCount)
        guard shard.moreDataPending == (end < logEnd), shard.recordCount > 0 || end == logEnd else {
            throw refusal("ends at record \(end) of \(logEnd) and says more_data_pending=\(shard.moreDataPending)")
        }
        bytes += UInt64(shard.records.count)
        guard bytes <= maximumBytes else {
            throw Status(
                .resourceExhausted, "the log of this boot is over the limit of \(maximumBytes) bytes",
                round: round.number)
        }
        self.shard = shard
        read = 0
    }

    /// Appraises the shard as far as that can be without verifying signatures.
    ///
    /// - Returns: the signatures to be verified and settled before this is called again; nil at the shard's end.
    /// - Throws: the status to refuse the shard with.
    mutating func appraise() throws(Status) -> SignatureBatch? {
        guard let shard else { return nil }
        read += appraiser.advance(shard.records.span.extracting(droppingFirst: read))
        if let signatures = appraiser.pendingSignatures { return signatures }
        trial?.take(shard.records.span)
        guard !isEnded else { return nil }
        let end = shard.firstRecord + UInt64(shard.recordCount)
        guard read == shard.records.count, nextRecord == end else {
            throw refusal("is not \(shard.recordCount) whole records: it can be read up to record \(nextRecord)")
        }
        return nil
    }

    /// Settles the signatures that ``appraise()`` asked for.
    mutating func settle(_ results: SignatureResults) {
        appraiser.settle(results)
    }

    /// Takes down where the appraisal stands behind the shard, for a later round to go back to.
    mutating func markPosition() -> AppraisalState {
        let position = appraiser.progress
        passed.append(position)
        PositionSpacing.thin(&passed, by: \.nextRecord)
        return position
    }

    /// Where the round stands behind the shard: with it another connection can go on.
    ///
    /// - Parameters:
    ///   - state: as ``markPosition()`` took it down.
    ///   - time: seconds since 1970.
    func scratch(of state: AppraisalState, at time: Int64) -> Scratch? {
        guard let shard else { return nil }
        let before = round.plan.scratch
        var basis = round.plan.scratchBasis
        basis.resetCount = clock.resetCount
        let appraised = state.nextRecord - min(state.nextRecord, round.plan.firstRecord)
        return Scratch(
            basis: basis, clock: clock, appraisal: state,
            recordsAppraised: (before?.recordsAppraised ?? 0) &+ appraised,
            signatures: (before?.signatures ?? AppraisalOutcome.SignatureCounts()) + appraiser.signatures,
            transfer: LogTransfer(
                resetCount: clock.resetCount, recordsDone: nextRecord, recordsTotal: logEnd, bytesDone: bytes,
                bytesTotal: bytes + min(shard.bytesRemaining, .max - bytes), beganAt: beganAt,
                bytesBefore: round.plan.state.logBytes, updatedAt: time))
    }

    /// Whether a shard leaves records out: it begins behind the next one.
    func leavesGap(_ shard: LogShard) -> Bool { shard.firstRecord > nextRecord && shard.firstRecord < logEnd }

    /// Ends the trial of another policy, if there is one.
    mutating func finishTrial() -> TrialOutcome? {
        trial.take()?.finish()
    }

    /// Ends the round.
    consuming func finish() -> AppraisalOutcome {
        appraiser.finish()
    }

    private func refusal(_ what: String) -> Status {
        Status(.invalidArgument, "the shard " + what, round: round.number)
    }
}
