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
    /// The invitation's uses are used up.
    case usedUp
    /// Neither the invitation nor the host names an identity that a certificate can have.
    case noIdentity
    /// Another TPM is enrolled under this identity.
    case otherTPM(AgentID)
    /// An operator has enrolled the agent of this identity: which TPM is its own can't be known.
    case enrolledByHand(AgentID)
    /// This other agent is enrolled with the attestation key.
    case attestationKeyTaken(by: AgentID)
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
        case .usedUp: "the token is used up; \(again)"
        case .noIdentity:
            "nobody said who this host is: run assay-agent join with --id ID, or have it invited with --id ID "
                + "(1 to 255 printable characters of ASCII, no space)"
        case .otherTPM(let id):
            "another TPM is enrolled as \(id); if this host replaces it, run on the verifier: "
                + "assay-verifier agents remove \(id), then join again; else choose another id"
        case .enrolledByHand(let id):
            "\(id) was enrolled by hand, with its attestation key and no token; if this host is to be \(id), run on the "
                + "verifier: assay-verifier agents remove \(id), then join again; else choose another id"
        case .attestationKeyTaken(let id):
            "this TPM's attestation key is enrolled as \(id) already; if the host has another name now, run on the "
                + "verifier: assay-verifier agents remove \(id), then join again; else join as \(id)"
        case .revoked(let id):
            "agent \(id) is revoked; to trust it again, run on the verifier: assay-verifier agents revoke \(id) --undo"
        case .noPolicy(let name):
            "the invitation names the policy \(name), which is gone; put it again on the verifier: "
                + "assay-verifier policy put \(name) FILE"
        }
    }
}

extension JoinRefusal {
    /// The word that stands for a refusal in an agent's history.
    package enum Word: String, Sendable {
        case expired
        case usedUp = "used_up"
        case otherTPM = "other_tpm"
        case enrolledByHand = "enrolled_by_hand"
        case attestationKeyTaken = "attestation_key_taken"
        case revoked
        case noPolicy = "no_policy"
        /// A key or the certificate request that came can't be used.
        case badRequest = "bad_request"
        /// The TPM did not show that it holds both keys.
        case notProved = "not_proved"
    }

    /// The word of this refusal; nil for one that comes to no agent.
    package var word: Word? {
        switch self {
        case .unknownToken, .noIdentity: nil
        case .expired: .expired
        case .usedUp: .usedUp
        case .otherTPM: .otherTPM
        case .enrolledByHand: .enrolledByHand
        case .attestationKeyTaken: .attestationKeyTaken
        case .revoked: .revoked
        case .noPolicy: .noPolicy
        }
    }
}

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
