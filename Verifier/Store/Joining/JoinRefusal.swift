import Bytes

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
        case .madeInTheFuture:
            "the token was made while the verifier's clock was ahead, and doesn't count; \(again)"
        case .usedUp: "the token is used up; \(again)"
        case .noIdentity:
            "nobody said who this host is: run assay-agent join with --id ID, or have it invited with --id ID "
                + "(\(AgentID.rule))"
        case .otherTPM(let id):
            "another TPM is enrolled as \(id); if this host replaces it, run on the verifier: "
                + "assay-verifier agents remove \(id.shellWord), then join again; else choose another id"
        case .enrolledByHand(let id):
            "\(id) was enrolled by hand, with its attestation key and no token; if this host is to be \(id), run on the "
                + "verifier: assay-verifier agents remove \(id.shellWord), then join again; else choose another id"
        case .attestationKeyTaken(let id):
            "this TPM's attestation key is enrolled as \(id) already; if the host has another name now, run on the "
                + "verifier: assay-verifier agents remove \(id.shellWord), then join again; else join as \(id)"
        case .revoked(let id):
            "agent \(id) is revoked; to trust it again, run on the verifier: "
                + "assay-verifier agents revoke \(id.shellWord) --undo"
        case .noPolicy(let name):
            "the invitation names the policy \(name), which is gone; put it again on the verifier: "
                + "assay-verifier policy put \(shellQuoted(name.utf8)) FILE"
        }
    }
}

extension JoinRefusal {
    /// The word that stands for a refusal in an agent's history.
    package enum Word: String, Sendable {
        case expired
        case madeInTheFuture = "made_in_the_future"
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
        case .madeInTheFuture: .madeInTheFuture
        case .usedUp: .usedUp
        case .otherTPM: .otherTPM
        case .enrolledByHand: .enrolledByHand
        case .attestationKeyTaken: .attestationKeyTaken
        case .revoked: .revoked
        case .noPolicy: .noPolicy
        }
    }
}
