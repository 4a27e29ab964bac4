import Messages
import TPM

/// One round as it was asked for.
struct Round: Sendable {
    /// Its number on this connection.
    let number: UInt64
    /// What the quote's qualifying data must contain; used once.
    let nonce: [UInt8]
    /// When the Challenge was sent, in seconds since 1970.
    let challengedAt: Int64
    let hello: Hello
    let attempt: Attempt
    let plan: RoundPlan

    var challenge: Challenge {
        Challenge(
            round: number, nonce: nonce, banks: plan.selection.banks.map(\.bank),
            pcrs: plan.selection.banks.first?.pcrs ?? [], firstRecord: plan.firstRecord,
            shardBytes: min(plan.shardBytes, max(hello.maximumShardBytes, RoundPlan.leastShardBytes)),
            window: plan.window)
    }

    /// The last commit, if the quote is of the same boot: of another one, a log begins with its first record.
    func lastCommit(ofBootIn quote: VerifiedQuote) -> RoundBasis.Attestation? {
        plan.basis.attestation.flatMap { $0.clock.resetCount == quote.clockInfo.resetCount ? $0 : nil }
    }
}

/// What earlier rounds towards the same verdict have shown.
struct Attempt: Hashable, Sendable {
    /// The stored position is of no use: another epoch, or a mismatch after a suspend.
    var fromRecordZero = false
    /// What is kept of a broken transfer is of no use: it led astray.
    var withoutScratch = false
    /// The first record that the agent has said it doesn't hold.
    var missedRecord: UInt64?
    /// The agent's words, once it has said so of record 0, too: what is left to ask for is a quote, on which the verdict
    /// that records are missing can rest.
    var wordsOnMissing: String?
    /// Records were left out once.
    var hadGap = false
    /// Challenges sent towards this verdict.
    var challenges = 0

    /// A host that moves the goal each time is sent away, not asked for ever.
    static let maximumChallenges = 6
}
