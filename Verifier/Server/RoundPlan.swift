import Appraisal
import AssayCrypto
import Messages
import Store
import TPM

/// What one round asks for, decided from what the store holds. Hello only helps to guess: the signed quote decides
/// whether the guess was right.
struct RoundPlan: Sendable {
    /// What every agent must be able to send, in bytes.
    static let leastShardBytes: UInt32 = 1 << 16

    /// Where a round begins.
    enum Start: Sendable {
        /// At record 0, with nothing learned, whatever the store holds.
        case recordZero
        /// At the last commit.
        case lastCommit(AppraisalState)
        /// At an earlier position that a commit has left, as an operator wants it.
        case position(AppraisalState)
        /// Where a broken transfer stood: provisional, until this round's quote vouches for it.
        case scratch(Scratch)
        /// At the end of what the agent says it holds: it is asked for its quote alone.
        case end(UInt64)
    }

    let basis: RoundBasis
    let selection: PCRSelection
    /// The PCRs that records lead to.
    let measuredPCRs: PCRSet
    let start: Start
    /// What a scratch must rest on to be gone on from, and what one of this round rests on. Its boot epoch is the one
    /// that Hello tells.
    let scratchBasis: Scratch.Basis
    let shardBytes: UInt32
    let window: UInt32

    /// Plans a round.
    ///
    /// - Parameters:
    ///   - certificate: SHA-256 of the agent's.
    ///   - time: now, in seconds since 1970.
    /// - Throws: the status to refuse with, if no bank of the host may be quoted.
    init(
        _ hello: Hello, _ basis: RoundBasis, _ settings: SessionSettings, _ attempt: Attempt = Attempt(),
        certificate: Digest? = nil, time: Int64
    ) throws(Status) {
        let usable = settings.banks.filter(hello.banks.contains)
        let stored = basis.attestation
        // The operator's order decides each time: a host that leaves a bank out of Hello doesn't get rid of it for good.
        guard let bank = usable.first else {
            let allowed = settings.banks.map(\.description).joined(separator: ", ")
            let held = hello.banks.map(\.description).joined(separator: ", ")
            throw Status(
                .failedPrecondition,
                "the TPM's active banks (\(held)) have none that this verifier allows (\(allowed)); activate one "
                    + "with tpm2_pcrallocate, or change attestation.banks")
        }
        // Beside the PCRs that IMA extends: those that boot_aggregate is made of.
        let measured = PCRSet(hello.pcrs.indices.filter { (10...15).contains($0) } + [10])
        selection = PCRSelection([.init(bank, PCRSet(0...9).union(measured))])
        measuredPCRs = measured
        self.basis = basis
        shardBytes = settings.shardBytes
        window = settings.window
        scratchBasis = Scratch.Basis(
            certificate: certificate, attestationKeyName: basis.attestationKey.name, resetCount: hello.resetCount,
            selection: selection, measuredPCRs: measured, isBigEndian: hello.isBigEndian,
            column: hello.columnAlgorithm, verdictNumber: basis.numbers.verdict, stateNumber: basis.numbers.state,
            policyHash: basis.policy?.contentHash, denyGeneration: basis.numbers.denials,
            reattestation: basis.numbers.reattestation)
        if attempt.wordsOnMissing != nil {
            start = .end(hello.nextRecord)
        } else if let scratch = basis.scratch, !attempt.withoutScratch, scratch.basis == scratchBasis,
            scratch.isFresh(at: time, lifetime: settings.scratchSeconds)
        {
            start = .scratch(scratch)
        } else if let kept = basis.position, !attempt.fromRecordZero, kept.selection == selection,
            kept.clock.resetCount == hello.resetCount
        {
            start = .position(kept.state)
        } else if let stored, !attempt.fromRecordZero, stored.selection == selection,
            stored.clock.resetCount == hello.resetCount, basis.mayResume
        {
            start = .lastCommit(stored.state)
        } else {
            start = .recordZero
        }
    }

    /// What the round's appraisal begins with.
    var state: AppraisalState {
        switch start {
        case .recordZero, .end: AppraisalState()
        case .lastCommit(let state), .position(let state): state
        case .scratch(let scratch): scratch.appraisal
        }
    }

    /// The broken transfer that the round goes on from; nil for none.
    var scratch: Scratch? {
        guard case .scratch(let scratch) = start else { return nil }
        return scratch
    }

    /// The TPM's counters when a commit left what the round begins with; the last commit's unless it is an earlier one's.
    var clock: ClockInfo? {
        if case .position = start { basis.position?.clock } else { basis.attestation?.clock }
    }

    /// Whether the round goes on from what a commit has left.
    var resumesCommit: Bool {
        switch start {
        case .lastCommit, .position: true
        case .recordZero, .scratch, .end: false
        }
    }

    var firstRecord: UInt64 {
        if case .end(let record) = start { record } else { state.nextRecord }
    }
}

// What a quote's clock says of what the round goes on from.
extension RoundPlan {
    /// Whether the host has booted since what the round goes on from.
    ///
    /// - Throws: if the clock went back since a quote that was verified.
    func isOfNewEpoch(_ clock: ClockInfo) throws(QuoteError) -> Bool {
        var isNew = false
        if let stored = basis.attestation {
            isNew = try ClockRelation.relation(previous: stored.clock, now: clock) == .newEpoch && resumesCommit
        }
        if let scratch {
            isNew = try ClockRelation.relation(previous: scratch.clock, now: clock) == .newEpoch
        }
        return isNew
    }

    /// Whether neither a boot nor a suspension stands between what is stored and a quote. A host that lost its power while it
    /// was suspended has a new log and new PCRs, though the TPM counts no boot (a TPM Restart).
    func isUninterrupted(_ clock: ClockInfo) -> Bool {
        guard let stored = basis.attestation?.clock else { return false }
        return stored.resetCount == clock.resetCount && stored.restartCount == clock.restartCount
    }
}

extension Scratch {
    /// Whether something of it came within a lifetime. A clock that was set back doesn't make it young.
    fileprivate func isFresh(at time: Int64, lifetime: Int64) -> Bool {
        lifetime > 0 && Age(of: transfer.updatedAt, at: time).isWithin(lifetime)
    }
}
