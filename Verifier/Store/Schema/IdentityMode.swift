/// What the identities of a store's agents rest on. `init` decides it once; every verdict says it.
package enum IdentityMode: String, CaseIterable, Hashable, Sendable {
    /// An agent joined with a token: whoever held the token said which TPM is the agent's.
    case token
    /// The operator's own authority names the agents, and the operator enrolled their attestation keys.
    case ownPKI = "own-pki"

    /// What a verdict says.
    package var words: String {
        switch self {
        case .token: "EK not certified"
        case .ownPKI: "own PKI, EK not checked"
        }
    }

    /// The same at length.
    package var sentence: String {
        switch self {
        case .token:
            "Its identity rests on the token that it joined with; no maker's certificate was checked for its TPM."
        case .ownPKI:
            "Its identity rests on your own PKI and on the attestation key that you enrolled; no maker's certificate "
                + "was checked for its TPM."
        }
    }
}
