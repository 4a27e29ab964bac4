internal import AssayCrypto
internal import Bytes
package import IMA
internal import TPM

/// Appraises a boot epoch's log as it arrives, against a quote and a policy: records in, an outcome out.
///
/// Nothing counts until the replayed PCRs meet the quoted ones; what counts then is everything up to the first record at
/// which they do. Records behind it are excess: only delimited. Memory is that of the state and of one batch of
/// signatures, whatever the log's length; a record that passes allocates nothing.
///
/// It can't be copied: it owns what its expressions are matched with.
package struct Appraiser: ~Copyable, Sendable {
    private let judge: RecordJudge
    private let options: AppraisalOptions
    private let start: AppraisalState
    private let quote: QuotedPCRs?
    private let delimiter: LogDelimiter
    /// What all records so far have come to.
    private var live: Judgement
    /// What they had come to when the quote was met.
    private var matched: Judgement?
    /// Whether no later record can undo the match.
    private var isSettled = false
    private var roundFindings = Findings()
    private var received: UInt64 = 0
    private var bytesRead = 0
    /// Whether a record couldn't be delimited: whatever follows is ignored.
    package private(set) var isEnded = false

    /// Starts where a state stands.
    ///
    /// - Parameters:
    ///   - policy: nil judges no record by a policy, and learns no key.
    ///   - state: ``AppraisalState/init()`` for a log from record 0 of its epoch, or an excerpt.
    ///   - quote: what the log must replay to; nil judges all of it.
    package init(
        policy: Policy?, options: AppraisalOptions = AppraisalOptions(), state: AppraisalState = AppraisalState(),
        quote: QuotedPCRs?
    ) {
        self.options = options
        self.quote = quote
        // Record 0 of an epoch discards what the epoch before had taught; only what was received stays to be covered.
        var start = state
        if state.nextRecord == 0 {
            start = AppraisalState()
            start.recordsReceived = state.recordsReceived
        }
        self.start = start
        judge = RecordJudge(policy: policy, options: options, quote: quote)
        delimiter = LogDelimiter(options.format, limits: options.limits)
        let pcrs = options.imaPCRs.indices.compactMap { UInt32(exactly: $0) }
        let replay =
            quote.map { PCRReplay(towards: $0.targets, pcrs: pcrs, resuming: start.lanes) }
            ?? PCRReplay(banks: options.banks, pcrs: pcrs)
        live = Judgement(
            records: start.nextRecord, bytes: start.logBytes, replay: replay, keyrings: start.keyrings,
            signingKeys: judge.signingKeys(with: start.keyrings),
            metadataKeys: judge.metadataKeys(with: start.keyrings), findings: start.findings,
            fileRecords: start.fileRecords, kexec: KexecTrace(firstRecord: start.nextRecord),
            contents: options.contentsLimit.map { LogContents(limit: $0) })
        checkSelection()
        keepMatch()
    }

    /// How many records of the epoch the quote covers, once that is known.
    package var matchedRecord: UInt64? { matched?.records }

    /// The next record's number.
    package var nextRecord: UInt64 { start.nextRecord &+ received }

    /// Where the appraisal stands: a state from which another, with a later quote of the epoch, can go on.
    ///
    /// Once the quote is met it stays at the match: a later quote covers those records too, but perhaps not what is behind
    /// them. Provisional: nothing of it may be shown or believed before it leads to a match.
    package var progress: AppraisalState {
        let recordsReceived = max(start.recordsReceived, nextRecord)
        if let matched { return matched.state(lanes: matched.replay.matchedLanes, recordsReceived: recordsReceived) }
        var judged = live
        while !judged.isSettled { judge.settle(SignatureResults(count: 0), &judged) }
        return judged.state(lanes: judged.replay.lanes, recordsReceived: recordsReceived)
    }

    /// What became of the signatures up to ``progress``, in this round.
    package var signatures: AppraisalOutcome.SignatureCounts { (matched ?? live).signatures }

    /// Appraises the whole records at the beginning of the bytes, signatures and all.
    ///
    /// - Returns: how many bytes were read. The rest is the beginning of a record: give it again, with what follows it.
    package mutating func appraise(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        while true {
            offset += advance(bytes.extracting(droppingFirst: offset))
            guard isWaiting, let signatures = pendingSignatures else { return offset }
            settle(signatures.verified())
        }
    }

    /// Appraises whole records at the beginning of the bytes, as many as can be without verifying signatures: those
    /// gather in ``pendingSignatures``. While ``isWaiting``, nothing is read.
    ///
    /// - Returns: how many bytes were read.
    package mutating func advance(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        while !isEnded, !isWaiting {
            do throws(LogError) {
                guard case .record(let record) = try delimiter.record(in: bytes, at: offset, number: nextRecord) else {
                    break
                }
                take(record, in: bytes)
                offset = record.range.upperBound
            } catch {
                end(error)
            }
        }
        bytesRead += offset
        return isEnded ? bytes.count : offset
    }

    /// Signatures that wait to be settled, those that were taken first; nil if there are none.
    package var pendingSignatures: SignatureBatch? { live.taken ?? (live.pending.isEmpty ? nil : live.pending) }

    /// Takes the waiting signatures out, so that more records are read while others verify them. They must be settled
    /// before more can be taken.
    ///
    /// - Returns: nil if there are none, or if some are taken.
    package mutating func takeSignatures() -> SignatureBatch? {
        guard live.taken == nil, !live.pending.isEmpty else { return nil }
        live.taken = live.pending
        live.pending = SignatureBatch()
        return live.taken
    }

    /// Whether the appraisal can't go on before the signatures are settled, or taken: there are many, or a match depends
    /// on them.
    package var isWaiting: Bool {
        live.pending.isFull || !live.isSettled && matched == nil && live.replay.isMatched
    }

    /// Settles the signatures that were taken; if none were, those that are pending.
    ///
    /// - Parameter results: of that very batch; what they leave open is verified here.
    package mutating func settle(_ results: SignatureResults) {
        judge.settle(results, &live)
        if matched == nil { keepMatch() }
    }

    /// Ends the log where its text form can't be read on.
    ///
    /// - Parameter error: its offset is that in the text.
    package mutating func end(unreadable error: LogError) {
        guard !isEnded else { return }
        isEnded = true
        roundFindings.add(Finding(.parseError, record: error.record, found: "\(error)", remedy: error.remedy))
    }

    /// Ends the appraisal.
    ///
    /// - Parameter unread: bytes of a record that was cut off at the log's end.
    package consuming func finish(unread: Int = 0) -> AppraisalOutcome {
        if unread > 0, !isEnded { cut(unread) }
        while let signatures = pendingSignatures { settle(signatures.verified()) }
        return outcome()
    }
}

// MARK: - One record

extension Appraiser {
    private mutating func take(_ record: RecordLayout, in bytes: Span<UInt8>) {
        received &+= 1
        if matched != nil {
            if isSettled { return }
            reconsiderMatch(record.pcr)
        }
        judge.judge(record, in: bytes, &live)
        if matched == nil { keepMatch() }
    }

    private mutating func keepMatch() {
        guard live.replay.isMatched, live.isSettled else { return }
        matched = live
        // A record behind the match may name a quoted PCR that none has named yet: then that one must match too. One
        // that is still as after a reset does already.
        isSettled =
            quote?.targets.allSatisfy { target in
                target.value == Digest(repeating: 0, count: target.bank.digestSize)
                    || live.replay.lanes.contains { $0.pcr == target.pcr }
            } ?? true
    }

    /// Asks of the match that it hold for one PCR more.
    private mutating func reconsiderMatch(_ pcr: UInt32) {
        guard QuotedPCRs.vouching.contains(pcr), let lanes = matched?.replay.lanes,
            !lanes.contains(where: { $0.pcr == pcr })
        else { return }
        _ = matched?.replay.require(pcr)
        if matched?.replay.isMatched != true { matched = nil }
    }

    private mutating func end(_ error: LogError) {
        isEnded = true
        // Its offset is that in the piece of the log that was just given.
        let error = LogError(error.code, record: error.record, offset: bytesRead + error.offset)
        roundFindings.add(Finding(.parseError, record: error.record, found: "\(error)"))
    }

    private mutating func cut(_ unread: Int) {
        isEnded = true
        roundFindings.add(
            Finding(
                .parseError, record: nextRecord,
                found: "at byte \(bytesRead): the log ends within a record, after \(unread) of its bytes"))
    }
}

// MARK: - The outcome

extension Appraiser {
    private consuming func outcome() -> AppraisalOutcome {
        let judged = matched ?? live
        let recordsReceived = max(start.recordsReceived, nextRecord)
        checkMatch()
        if let quote, let policy = judge.policy { roundFindings.add(policy.findings(for: quote)) }
        var findings = judged.findings
        findings.add(roundFindings)
        let state = matched.map { $0.state(lanes: $0.replay.matchedLanes, recordsReceived: recordsReceived) }
        return AppraisalOutcome(
            tier: tier(findings), matchedRecord: matched?.records,
            nextRecord: matched?.records ?? (quote == nil ? 0 : start.nextRecord), recordsReceived: received,
            excess: matched.map { nextRecord - $0.records } ?? 0, findings: findings, newState: state,
            learned: judged.learned, keyrings: judged.keyrings, signatures: judged.signatures,
            badSignatures: judged.badSignatures,
            violations: judged.violations, lanes: judged.replay.lanes, snapshots: judged.snapshots,
            paddedBanks: matched?.replay.banksOfPaddedSHA1 ?? [], beginsBehindGap: gap != nil,
            contents: matched?.contents)
    }

    private borrowing func tier(_ findings: Findings) -> Tier {
        if findings.hasFailures { return .contraindicated }
        guard judge.policy != nil, quote != nil else { return .none }
        return findings.hasWarnings ? .warning : .affirming
    }

    /// Every PCR of IMA's must be quoted, and a position counts only for the banks and PCRs that it was made with.
    private mutating func checkSelection() {
        guard let quote else { return }
        let missing = options.imaPCRs.subtracting(quote.pcrs)
        if !missing.isEmpty {
            let names = missing.indices.map { "PCR \($0)" }.joined(separator: ", ")
            roundFindings.add(Finding(.pcrSelectionMismatch, found: "a quote without \(names)"))
        }
        let kept = Set(start.lanes.map { PCRName(bank: $0.bank, pcr: $0.pcr) })
        guard !kept.isEmpty else { return }
        let replayed = Set(kept.map(\.pcr))
        let quoted = Set(
            quote.targets.filter { replayed.contains($0.pcr) }.map { PCRName(bank: $0.bank, pcr: $0.pcr) })
        if kept != quoted {
            roundFindings.add(
                Finding(
                    .pcrSelectionMismatch, found: "other banks or PCRs than those of the last round",
                    remedy: "Appraise the log from record 0."))
        }
    }

    private struct PCRName: Hashable {
        let bank: PCRBank
        let pcr: UInt32
    }

    private mutating func checkMatch() {
        guard let quote else { return }
        guard let matched else {
            guard roundFindings.count(.pcrSelectionMismatch) == 0 else { return }
            if gap == nil { roundFindings.add(mismatch(quote)) }
            if let missing = gap ?? live.kexec.missingRecords { roundFindings.add(missing) }
            return
        }
        if matched.records < start.recordsReceived {
            roundFindings.add(
                Finding(
                    .noProgress, found: "a quote of \(matched.records) records",
                    expected: "one of at least the \(start.recordsReceived) received before"))
        }
        if matched.records == 0, options.requiresBootAggregate {
            roundFindings.add(Finding(.noBootAggregate, found: "no record at all"))
        }
        checkPadding(matched.replay)
        // An excerpt need not have a file; but a quote that vouches for no record at all is no verdict on a log.
        if matched.fileRecords == 0, options.requiresBootAggregate || matched.records == 0 {
            roundFindings.add(Finding(.nothingMeasured, isWarning: true))
        }
    }

    /// A bank that the kernel extends with SHA-1 and zeros is worth no more than SHA-1, whatever its name.
    private mutating func checkPadding(_ replay: PCRReplay) {
        let banks = replay.banksOfPaddedSHA1
        let action = judge.policy?.rules.paddedBanks ?? (options.allowsSHA1 ? .ignore : .warn)
        guard !banks.isEmpty, action != .ignore else { return }
        let names = banks.map(\.description).joined(separator: ", ")
        roundFindings.add(
            Finding(
                .paddedBank, found: "\(names) extended with SHA-1 and zeros",
                expected: "digests of the bank's own hash",
                isWarning: action == .warn))
    }

    /// What a log lacks that begins with a snapshot; nil if this one doesn't, or the snapshot is where this verifier's own
    /// last match was.
    private var gap: Finding? {
        guard matched == nil, let first = live.snapshots.first, first.record == start.nextRecord else { return nil }
        return first.gap
    }

    private borrowing func mismatch(_ quote: QuotedPCRs) -> Finding {
        let targets = quote.targets.filter { target in live.replay.lanes.contains { $0.pcr == target.pcr } }
        let found = targets.map { target in
            "\(target.bank) PCR \(target.pcr) \(live.replay.value(target.bank, target.pcr)?.description ?? "unknown")"
        }
        let expected = targets.map { "\($0.bank) PCR \($0.pcr) \($0.value)" }
        return Finding(
            .pcrMismatch, found: "after \(nextRecord) records " + found.joined(separator: ", "),
            expected: expected.joined(separator: ", "))
    }
}
