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

/// Why a claim is refused.
package enum JoinRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no such invitation.
    case unknownToken
    /// The invitation ended.
    case expired
    /// The invitation is stamped later than now: when it ends, nobody knows.
    case madeInTheFuture
    /// The invitation's uses are used up.
    case usedUp
    /// Neither the invitation nor the host names an identity that a certificate can have.
    case noIdentity
    /// Another TPM is enrolled under this identity.
    case otherTPM(AgentID)
    /// The agent of this identity is revoked.
    case revoked(AgentID)
    /// The invitation's policy is gone.
    case noPolicy(String)

    /// What is wrong, and the next step.
    package var description: String {
        let again = "ask the verifier's operator for a new one: assay-verifier invite"
        return switch self {
        case .unknownToken:
            "this verifier doesn't know the token: it is another verifier's, or the invitation is long over; \(again)"
        case .expired: "the token has expired; \(again)"
        case .madeInTheFuture:
            "the token was made while the verifier's clock was ahead, and doesn't count; \(again)"
        case .usedUp: "the token is used up; \(again)"
        case .noIdentity:
            "nobody said who this host is: run assay-agent join with --id ID, or have it invited with --id ID "
                + "(1 to 255 printable characters of ASCII, no space)"
        case .otherTPM(let id):
            "another TPM is enrolled as \(id); if this host replaces it, run on the verifier: "
                + "assay-verifier agents remove \(id), then join again; else choose another id"
        case .revoked(let id):
            "agent \(id) is revoked; to trust it again, run on the verifier: assay-verifier agents revoke \(id) --undo"
        case .noPolicy(let name):
            "the invitation names the policy \(name), which is gone; put it again on the verifier: "
                + "assay-verifier policy put \(name) FILE"
        }
    }
}
