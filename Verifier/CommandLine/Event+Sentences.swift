import Appraisal
import AssayCrypto
import Bytes
import Store
import Terminal

extension Event.Kind {
    /// What happened, for people.
    ///
    /// - Parameter names: of keys, as their certificates have them, by the SHA-256 of the public keys.
    func sentence(naming names: [Digest: String] = [:]) -> String {
        let key = { (key: Digest) in "key \(key)" + (names[key].map { " (\(escaped(text: $0)))" } ?? "") }
        return switch self {
        case .enrolled: "enrolled by an operator"
        case .joined: "joined with a token"
        case .joinRefused(let word, let endorsementKeyName): refusal(word, endorsementKeyName)
        case .attestationKeyReplaced(let from, let to):
            "attestation key replaced: the host joined again, its TPM is the same; \(to.hexadecimal), it was "
                + "\(from.hexadecimal)"
        case .invitationPolicyTaken(let from, let to):
            "judged by policy \(escaped(to.utf8)) from now on, as the invitation to this agent says; it was "
                + (from.map { escaped($0.utf8) } ?? "none")
        case .invitationPolicyNotTaken(let name):
            "joined again with an invitation that doesn't name this agent: its policy \(escaped(name.utf8)) was not taken; "
                + "if it is to judge the agent: assay-verifier policy assign"
        case .removed(let agent, let byRule):
            "agent \(escaped(agent)) removed" + (byRule ? ", for it was silent for too long (agents.forget_after)" : "")
        case .revoked: "revoked"
        case .reinstated: "trusted to attest again"
        case .stateDiscarded: "to be appraised from record 0"
        case .tierChanged(let from, let to):
            from.map { "the tier became \(to), it was \($0)" } ?? "the first tier is \(to)"
        case .epochChanged(let from, let to): "the host has booted: epoch \(to), it was \(from)"
        case .bankChanged(let from, let to):
            "its quotes are of bank \(to), they were of \(from): the banks that the host says it has, or attestation.banks, "
                + "have changed"
        case .keyLearned(let keyring, let hash): "learned on \(escaped(keyring)): \(key(hash))"
        case .keyGone(let keyring, let hash): "gone from \(escaped(keyring)): \(key(hash))"
        case .policyAssigned(let name):
            name.map { "judged by policy \(escaped($0.utf8)) from now on" } ?? "judged by no policy"
        case .policyPut(let name, let hash): "policy \(escaped(name.utf8)) is \(hash) from now on"
        case .keyDenied(let hash): "denied: \(key(hash))"
        case .keyAllowed(let hash): "allowed again: \(key(hash))"
        case .schemaChanged(let from, let to): "the store has schema version \(to), it had \(from)"
        case .reattestationRequested(let record): "to be appraised again, from record \(record) on"
        case .learningRequested: "asked what its log holds, to make a policy of it"
        case .scratchDropped(let record):
            "what was kept of a broken transfer, up to record \(record), didn't lead to the quote, and was dropped"
        case .verdictWithdrawn(let stamp):
            "the last verdict doesn't stand: it is stamped \(readableTime(stamp)), later than now; the verifier's clock was "
                + "ahead"
        }
    }

    /// Whom or what it happened to, if not to the agent: a policy's name, a key's SHA-256 or TPM name, an agent's id.
    var subject: String? {
        switch self {
        case .removed(let agent, _): escaped(agent)
        case .keyLearned(_, let key), .keyGone(_, let key), .keyDenied(let key), .keyAllowed(let key): "\(key)"
        case .policyAssigned(let name): name.map { escaped($0.utf8) }
        case .policyPut(let name, _): escaped(name.utf8)
        case .joinRefused(_, let endorsementKeyName): endorsementKeyName.hexadecimal
        case .attestationKeyReplaced(_, let key): key.hexadecimal
        case .invitationPolicyTaken(_, let name), .invitationPolicyNotTaken(let name): escaped(name.utf8)
        case .enrolled, .joined, .revoked, .reinstated, .stateDiscarded, .tierChanged, .epochChanged, .bankChanged,
            .schemaChanged, .reattestationRequested, .learningRequested, .scratchDropped, .verdictWithdrawn:
            nil
        }
    }

    /// What became what; a keyring that a key came onto or left; why a join was refused.
    var change: (from: String?, to: String?)? {
        switch self {
        case .tierChanged(let from, let to): (from?.rawValue, to.rawValue)
        case .epochChanged(let from, let to), .schemaChanged(let from, let to): ("\(from)", "\(to)")
        case .bankChanged(let from, let to): ("\(from)", "\(to)")
        case .keyLearned(let keyring, _): (nil, escaped(keyring))
        case .keyGone(let keyring, _): (escaped(keyring), nil)
        case .policyPut(_, let hash): (nil, "\(hash)")
        case .joinRefused(let word, _): (nil, word.rawValue)
        case .attestationKeyReplaced(let from, let to): (from.hexadecimal, to.hexadecimal)
        case .invitationPolicyTaken(let from, let to): (from.map { escaped($0.utf8) }, escaped(to.utf8))
        case .enrolled, .joined, .invitationPolicyNotTaken, .removed, .revoked, .reinstated, .stateDiscarded,
            .policyAssigned, .keyDenied, .keyAllowed, .reattestationRequested, .learningRequested, .scratchDropped,
            .verdictWithdrawn:
            nil
        }
    }

    private func refusal(_ word: JoinRefusal.Word, _ endorsementKeyName: [UInt8]) -> String {
        let reason =
            switch word {
            case .expired: "its token has expired"
            case .madeInTheFuture: "its token was made later than now, by a verifier whose clock was ahead"
            case .usedUp: "its token is used up"
            case .otherTPM: "it came from another TPM than the agent's"
            case .enrolledByHand: "the agent was enrolled by hand, so no token can join as it"
            case .attestationKeyTaken: "it brought an attestation key that is enrolled under another name"
            case .revoked: "the agent is revoked"
            case .noPolicy: "the invitation's policy is gone"
            case .badRequest: "its keys or its certificate request can't be used"
            case .notProved: "its TPM did not show that it holds both of its keys"
            }
        let key = endorsementKeyName.isEmpty ? "" : " (endorsement key \(endorsementKeyName.hexadecimal))"
        return
            "a join was refused: \(reason)\(key); whoever tried it has a token, and the verifier's log has the address"
    }
}
