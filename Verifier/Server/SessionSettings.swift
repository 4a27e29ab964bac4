package import Appraisal
package import AssayCrypto
package import Store

/// What the operator may choose about rounds, with the defaults of the design.
package struct SessionSettings: Sendable {
    /// Banks that may be quoted, the preferred first. SHA-1 is left out unless the operator puts it here.
    package var banks: [PCRBank] = [.sha256, .sha384, .sha512]
    /// Largest shard asked for, in bytes: 64 KiB to just under the frame limit.
    package var shardBytes: UInt32 = 1 << 20
    /// Shards that may be in flight: at least 4, so that a long round trip doesn't serialise them.
    package var window: UInt32 = 8
    /// Seconds from one verdict to the next Challenge on an open connection.
    package var roundSeconds = 60
    /// Seconds from a Challenge to its Evidence; a TPM may need some for a quote.
    package var evidenceSeconds = 60
    /// Seconds from one shard to the next.
    package var shardSeconds = 30
    /// Largest log of one epoch that is taken, in bytes.
    package var maximumLogBytes: UInt64 = 4 << 30
    /// Seconds from a verdict's Challenge for which it stands: what an agent hears that asks how it does.
    package var maximumAge: Int64 = 600

    /// Seconds for which a log on its way is kept after its connection broke; 0 keeps none.
    package var scratchSeconds: Int64 = 86_400
    /// Bytes that may be kept of one agent's log on its way: of its findings and keys, for its records aren't kept.
    package var scratchBytes = 4 << 20

    /// Bytes that what a log holds may take in memory, about, while a policy is made of it: some three million files.
    package var contentsBytes = 512 << 20

    /// What agents' identities rest on; every verdict says it.
    package var identityMode = IdentityMode.ownPKI

    /// Signatures that verified before, whichever host they came from; nil remembers none.
    package var verifiedSignatures: VerifiedSignatures?

    /// Rounds that an agent may bring about: never slower than those that the verifier begins.
    var allowance: RoundAllowance.Pace {
        var pace = RoundAllowance.Pace()
        pace.seconds = min(pace.seconds, roundSeconds)
        return pace
    }

    /// The defaults.
    package init() {}
}
