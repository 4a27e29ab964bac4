package import AssayCrypto
package import IMA

/// What an appraisal came to.
package struct AppraisalOutcome: Sendable {
    /// A key that this round brought.
    package struct Learned: Hashable, Sendable {
        /// The keyring's name.
        package var keyring: [UInt8]
        /// The key.
        package var key: LearnedKey
    }

    /// A `snapshot_aggregate` record.
    package struct Snapshot: Hashable, Sendable {
        /// What a snapshot's claims are worth.
        package enum Worth: Hashable, Sendable {
            /// The records before it lead to these values.
            case borneOut
            /// The records before it lead to others; the first that differs.
            case contradicted(claimed: String, replayed: String)
            /// No record before it is there: nothing but the host's word is behind them.
            case unsupported
        }

        /// The record's number.
        package let record: UInt64
        /// What it claims.
        package let aggregate: SnapshotAggregate
        /// What that is worth.
        package let worth: Worth

        /// How many are kept of a round.
        static let keptLimit = 8
    }

    /// A signature that vouches for nothing, whether or not its file passes by its digest.
    package struct BadSignature: Hashable, Sendable {
        /// The record's number.
        package let record: UInt64
        /// The file, as the log has it: hostile bytes.
        package let path: [UInt8]
        /// What is wrong with the signature.
        package let problem: String

        /// How many are kept of a round.
        static let keptLimit = 10
    }

    /// What became of the signatures that were looked at.
    package struct SignatureCounts: Hashable, Sendable {
        /// Verified by a public-key operation.
        package var verified: UInt64 = 0
        /// Known to have verified before.
        package var cached: UInt64 = 0
        /// Malformed, or not made by the key that they name over this digest.
        package var failed: UInt64 = 0
        /// Naming a key that nobody brought.
        package var unknownKey: UInt64 = 0
        /// Naming a key that is denied, or of a type that can't be used.
        package var refused: UInt64 = 0

        /// None yet.
        package init() {}

        /// Both together.
        package static func + (left: Self, right: Self) -> Self {
            var sum = left
            sum.verified &+= right.verified
            sum.cached &+= right.cached
            sum.failed &+= right.failed
            sum.unknownKey &+= right.unknownKey
            sum.refused &+= right.refused
            return sum
        }
    }

    /// The verdict.
    package let tier: Tier
    /// How many records of the epoch the quote covers; nil without a quote or without a match.
    package let matchedRecord: UInt64?
    /// The record to ask for next: after the match, or where this round began; 0 without a quote.
    package let nextRecord: UInt64
    /// How many records this round received.
    package let recordsReceived: UInt64
    /// How many of them are behind the match.
    package let excess: UInt64
    /// What was found, with what earlier rounds of the epoch found.
    package let findings: Findings
    /// What to commit; nil without a match, for then nothing is.
    package let newState: AppraisalState?
    /// The keys learned in this round, in the log's order; without a match what would have been.
    package let learned: [Learned]
    /// All keys known up to the match; without a quote up to the log's end.
    package let keyrings: KeyringModel
    /// Signatures up to the match.
    package let signatures: SignatureCounts
    /// The first of them that are malformed, or not made by the key that they name.
    package let badSignatures: [BadSignature]
    /// Violations up to the match, whatever the policy says of them.
    package let violations: UInt64
    /// PCR values after the last record that was replayed.
    package let lanes: [PCRReplay.Lane]
    /// The first snapshots of this round.
    package let snapshots: [Snapshot]
    /// The banks in which nothing but padded SHA-1 led to the match.
    package let paddedBanks: [PCRBank]
    /// Whether this round's first record is a snapshot that begins behind records which this verifier has not judged.
    package let beginsBehindGap: Bool
    /// What this round's records up to the match hold that a policy can allow; nil without a match, or if nobody asked.
    package let contents: LogContents?
}
