package import Appraisal
package import AssayCrypto
import Store
package import TPM

/// How a round ended, to be committed before anybody is told.
package struct RoundOutcome: Sendable {
    /// The round's number on its connection.
    package let round: UInt64
    /// What it rests on: nothing is committed without a quote that was verified.
    package let quote: VerifiedQuote
    /// When its Challenge was sent, in seconds since 1970: freshness counts from here.
    package let challengedAt: Int64
    /// The verdict.
    package let tier: Tier
    /// What it rests on.
    package internal(set) var findings: Findings
    /// What the next round begins with; nil leaves position and keyrings at the last commit.
    package let attestation: RoundBasis.Attestation?
    /// Positions that the round has passed, for a later round to go back to.
    package let passed: [AppraisalState]
    /// The record that the next round begins with.
    package let nextRecord: UInt64
    /// Records judged towards this verdict, in this round and in broken ones that it went on from.
    package let recordsAppraised: UInt64
    /// Records behind the match.
    package let excessRecords: UInt64
    /// What became of those records' signatures.
    package let signatures: AppraisalOutcome.SignatureCounts
    /// The model of the host's keyrings after the round.
    package let keyrings: KeyringModel
    /// Content hash of the policy that judged.
    package let policyHash: Digest?
    /// How far the boot was appraised.
    package let boot: BootAppraisal
    /// What a trial of another policy came to; nil for none.
    package var trial: TrialOutcome?
    /// The request that it answers to be told of the log; nil for none.
    let learning: LearningRequest?
    /// What the log holds, if that was asked for and the quote vouches for it.
    let contents: LogContents?

    /// Signatures that verified, now or before.
    package var signaturesVerified: UInt64 { signatures.verified + signatures.cached }

    /// A round whose records were appraised to their end; without a match nothing but the verdict is committed.
    init(_ round: Round, _ quote: VerifiedQuote, _ outcome: AppraisalOutcome, passed: [AppraisalState] = []) {
        self.round = round.number
        self.quote = quote
        challengedAt = round.challengedAt
        tier = outcome.newState == nil ? .contraindicated : outcome.tier
        findings = outcome.findings
        attestation = outcome.newState.map { .init(clock: quote.clockInfo, selection: quote.selection, state: $0) }
        self.passed = passed
        nextRecord = (outcome.newState ?? round.lastCommit(ofBootIn: quote)?.state)?.nextRecord ?? 0
        recordsAppraised = (round.plan.scratch?.recordsAppraised ?? 0) &+ outcome.recordsReceived - outcome.excess
        excessRecords = outcome.excess
        signatures = (round.plan.scratch?.signatures ?? AppraisalOutcome.SignatureCounts()) + outcome.signatures
        keyrings = (outcome.newState ?? round.plan.basis.attestation?.state)?.keyrings ?? KeyringModel()
        policyHash = round.plan.basis.policy?.contentHash
        boot = BootAppraisal(by: round.plan.basis.policy)
        learning = round.plan.basis.learning
        contents = outcome.newState == nil ? nil : outcome.contents
    }

    /// A round for which the agent doesn't hold the records asked for.
    init(_ round: Round, _ quote: VerifiedQuote, missing record: UInt64, found: String) {
        self.init(round, quote, failed: .missing(record, found: found))
    }

    /// A round that failed before a record was appraised.
    init(_ round: Round, _ quote: VerifiedQuote, failed finding: Finding) {
        self.round = round.number
        self.quote = quote
        challengedAt = round.challengedAt
        tier = .contraindicated
        var findings = Findings()
        findings.add(finding)
        self.findings = findings
        attestation = nil
        passed = []
        nextRecord = round.lastCommit(ofBootIn: quote)?.state.nextRecord ?? 0
        recordsAppraised = 0
        excessRecords = 0
        signatures = AppraisalOutcome.SignatureCounts()
        keyrings = round.plan.basis.attestation?.state.keyrings ?? KeyringModel()
        policyHash = round.plan.basis.policy?.contentHash
        boot = .none
        learning = round.plan.basis.learning
        contents = nil
    }
}

extension Finding {
    /// Records of a boot that were judged once aren't there any more, though the host has not booted since.
    static func missing(_ record: UInt64, found: String) -> Finding {
        Finding(
            .recordsMissing, record: record, found: found,
            expected: "the records of this boot, as the TPM counts it, that were judged before",
            remedy: "If the shards were removed or moved, restore them on the host. Else its log was lost in a kexec: "
                + "boot the host through its firmware, not by kexec, to begin a new log; keep the shards' folder across a "
                + "kexec, and build its kernels with CONFIG_IMA_KEXEC.")
    }
}
