/// Why a quote, or a structure that belongs to one, is refused.
package struct QuoteError: Error, Hashable, CustomStringConvertible {
    /// The reason; raw values are words of the verdicts' closed list.
    package enum Code: String, CaseIterable, Hashable, Sendable {
        case badQuoteSignature = "bad_quote_signature"
        case nonceMismatch = "nonce_mismatch"
        case pcrDigestMismatch = "pcr_digest_mismatch"
        case pcrSelectionMismatch = "pcr_selection_mismatch"
        case wrongBank = "wrong_bank"
        case badMagic = "bad_magic"
        case notAQuote = "not_a_quote"
        case malformed
        case badAttestationKey = "bad_attestation_key"
        case clockWentBack = "clock_went_back"
        case resetWentBack = "reset_went_back"
    }

    /// The reason.
    package let code: Code
    /// What was found and what was expected, and where.
    package let detail: String

    /// An error of our own making: `detail` holds no text from outside.
    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// The reason's word.
    package var reason: String { code.rawValue }

    /// What the operator can do.
    package var remedy: String {
        switch code {
        case .badQuoteSignature:
            "check that the host still uses the attestation key that was enrolled, else enrol it again"
        case .nonceMismatch: "attest again; if it repeats, someone replays old quotes or relays another host's"
        case .pcrDigestMismatch: "attest again; if it repeats, the host states other PCR values than its TPM signed"
        case .pcrSelectionMismatch, .wrongBank: "check which PCR banks are active in the host's TPM, and ask for those"
        case .badMagic, .notAQuote: "keep the evidence: an attestation key signed something other than a quote"
        case .malformed: "check that agent and verifier are of versions that fit, and that the file is whole"
        case .badAttestationKey: "create the key as a restricted signing key that cannot leave its TPM, with SHA-256"
        case .clockWentBack, .resetWentBack:
            "the TPM was cleared or replaced, or its state rolled back: inspect the host, then enrol it again"
        }
    }

    package var description: String { "\(reason): \(detail)" }
}
