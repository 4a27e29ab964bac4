import Appraisal
import AssayCrypto
import Bytes
import Store

extension Event.Kind {
    /// What happened, for people.
    var sentence: String {
        switch self {
        case .enrolled: "enrolled"
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
        case .keyLearned(let keyring, let key): "learned on \(escaped(keyring)): key \(key)"
        case .keyGone(let keyring, let key): "gone from \(escaped(keyring)): key \(key)"
        case .policyAssigned(let name):
            name.map { "judged by policy \(escaped($0.utf8)) from now on" } ?? "judged by no policy"
        case .policyPut(let name, let hash): "policy \(escaped(name.utf8)) is \(hash) from now on"
        case .keyDenied(let key): "denied: key \(key)"
        case .keyAllowed(let key): "allowed again: key \(key)"
        case .schemaChanged(let from, let to): "the store has schema version \(to), it had \(from)"
        case .reattestationRequested(let record): "to be appraised again, from record \(record) on"
        case .scratchDropped(let record):
            "what was kept of a broken transfer, up to record \(record), didn't lead to the quote, and was dropped"
        }
    }

    /// Whom or what it happened to, if not to the agent: a policy's name, a key's SHA-256, an agent's id.
    var subject: String? {
        switch self {
        case .removed(let agent, _): escaped(agent)
        case .keyLearned(_, let key), .keyGone(_, let key), .keyDenied(let key), .keyAllowed(let key): "\(key)"
        case .policyAssigned(let name): name.map { escaped($0.utf8) }
        case .policyPut(let name, _): escaped(name.utf8)
        case .enrolled, .revoked, .reinstated, .stateDiscarded, .tierChanged, .epochChanged, .bankChanged,
            .schemaChanged,
            .reattestationRequested, .scratchDropped:
            nil
        }
    }

    /// What became what; a keyring that a key came onto or left.
    var change: (from: String?, to: String?)? {
        switch self {
        case .tierChanged(let from, let to): (from?.rawValue, to.rawValue)
        case .epochChanged(let from, let to), .schemaChanged(let from, let to): ("\(from)", "\(to)")
        case .bankChanged(let from, let to): ("\(from)", "\(to)")
        case .keyLearned(let keyring, _): (nil, escaped(keyring))
        case .keyGone(let keyring, _): (escaped(keyring), nil)
        case .policyPut(_, let hash): (nil, "\(hash)")
        case .enrolled, .removed, .revoked, .reinstated, .stateDiscarded, .policyAssigned, .keyDenied, .keyAllowed,
            .reattestationRequested, .scratchDropped:
            nil
        }
    }
}
