import Appraisal
import AssayCrypto
import IMA
import TPM

/// Where an incremental appraisal stands: what `--state` keeps from one run to the next.
struct SavedAppraisal: Sendable, Equatable {
    /// Position, records received, PCRs with their padding forms, keyrings, findings.
    var appraisal = AppraisalState()
    /// The clock and counters of the last quote; nil if there was none.
    var clock: ClockInfo?
    /// SHA-256 of the SubjectPublicKeyInfo of the key that signed it.
    var attestationKey: Digest?
    /// The PCRs that records have named, or were expected to.
    var imaPCRs = PCRSet()
    /// Content hash of the policy that judged the records; nil for none.
    var policyHash: Digest?
    /// Whether signatures were required of them.
    var requiresSignatures = false

    /// Why the records to come begin at record 0 by a quote, in which nothing of the epoch before counts; nil if they
    /// follow those before.
    ///
    /// - Throws: ``QuoteError`` if the clock or the counters went back.
    func newEpoch(by quote: QuoteFiles.Verified) throws(QuoteError) -> String? {
        if let attestationKey, quote.attestationKey != attestationKey { return "the quote is by another key" }
        guard let clock, try ClockRelation.relation(previous: clock, now: quote.quote.clockInfo) == .newEpoch
        else { return nil }
        return "the host has booted since"
    }

    /// Whether the records so far were judged by the same as those to come.
    func isJudged(by policyHash: Digest?, requiresSignatures: Bool) -> Bool {
        appraisal.nextRecord == 0 || self.policyHash == policyHash && self.requiresSignatures == requiresSignatures
    }
}
