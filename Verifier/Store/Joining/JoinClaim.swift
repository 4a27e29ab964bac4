package import AssayCrypto

/// Who asks to join, and with what; the keys are checked, and so is that the sender knows the token.
package struct JoinClaim: Hashable, Sendable {
    /// SHA-256 of the token's secret.
    package let tokenHash: Digest
    /// The identity that the host would like; may be empty, may be nonsense.
    package let wishedID: [UInt8]
    /// The endorsement key, a TPM2B_PUBLIC.
    package let endorsementKeyPublic: [UInt8]
    /// The TPM's name for it.
    package let endorsementKeyName: [UInt8]
    /// The maker's certificate, if there is one.
    package let endorsementKeyCertificate: [UInt8]
    /// The attestation key, a TPM2B_PUBLIC.
    package let attestationKeyPublic: [UInt8]
    /// The TPM's name for it.
    package let attestationKeyName: [UInt8]
    /// SHA-256 of the SubjectPublicKeyInfo that a certificate is asked for.
    package let tlsKeyFingerprint: Digest
    /// Seconds since 1970.
    package let time: Int64

    /// A claim.
    package init(
        tokenHash: Digest, wishedID: [UInt8], endorsementKeyPublic: [UInt8], endorsementKeyName: [UInt8],
        endorsementKeyCertificate: [UInt8], attestationKeyPublic: [UInt8], attestationKeyName: [UInt8],
        tlsKeyFingerprint: Digest, time: Int64
    ) {
        self.tokenHash = tokenHash
        self.wishedID = wishedID
        self.endorsementKeyPublic = endorsementKeyPublic
        self.endorsementKeyName = endorsementKeyName
        self.endorsementKeyCertificate = endorsementKeyCertificate
        self.attestationKeyPublic = attestationKeyPublic
        self.attestationKeyName = attestationKeyName
        self.tlsKeyFingerprint = tlsKeyFingerprint
        self.time = time
    }
}

/// What becomes of a claim.
package enum JoinDecision: Hashable, Sendable {
    /// It may join as this agent.
    case admitted(AgentID)
    /// It has joined already, with the same keys, and gets the same certificate (DER).
    case repeated(AgentID, certificate: [UInt8])
    /// It may not.
    case refused(JoinRefusal)
}
