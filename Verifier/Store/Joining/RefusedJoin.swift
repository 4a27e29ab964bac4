package import AssayCrypto

/// A join that was refused to somebody who knows a token's secret: what an operator of the agent may want to know.
package struct RefusedJoin: Hashable, Sendable {
    /// SHA-256 of the token's secret.
    package let tokenHash: Digest
    /// The identity that the host would like; may be empty, may be nonsense.
    package let wishedID: [UInt8]
    /// The TPM's name for the endorsement key that came; empty if what came is none.
    package let endorsementKeyName: [UInt8]
    /// The TPM's name for the attestation key that came; empty likewise.
    package let attestationKeyName: [UInt8]
    /// Why.
    package let word: JoinRefusal.Word
    /// Seconds since 1970.
    package let time: Int64

    /// A claim that was refused.
    package init(_ claim: JoinClaim, _ word: JoinRefusal.Word) {
        tokenHash = claim.tokenHash
        wishedID = claim.wishedID
        endorsementKeyName = claim.endorsementKeyName
        attestationKeyName = claim.attestationKeyName
        self.word = word
        time = claim.time
    }

    /// A request whose keys can't be used: it is no claim.
    package init(badRequestWith tokenHash: Digest, wishing wishedID: [UInt8], at time: Int64) {
        self.tokenHash = tokenHash
        self.wishedID = wishedID
        endorsementKeyName = []
        attestationKeyName = []
        word = .badRequest
        self.time = time
    }
}
