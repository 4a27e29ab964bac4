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
            "have the host join again if its attestation key was made anew (assay-agent join); otherwise inspect it"
        case .nonceMismatch:
            "attest again; if it repeats, old evidence or another host's is sent in place of this one's: inspect the host"
        case .pcrDigestMismatch:
            "attest again; if it repeats, the host states other PCR values than its TPM signed: inspect it"
        case .pcrSelectionMismatch:
            "update the agent; make a quote in files over the PCRs and the active bank asked for, each bank named once "
                + "(tpm2_quote -l sha256:0,1,10)"
        case .wrongBank: "make the quote over the bank asked for, or ask for one that the TPM has active (--bank)"
        case .badMagic, .notAQuote:
            "give the file that tpm2_quote -m wrote; if an agent sent it, keep the evidence and inspect the host"
        case .malformed: "install the same release on host and verifier, or give the whole file; else inspect the host"
        case .badAttestationKey:
            "make a restricted signing key that can't leave its TPM, with SHA-256 or better (assay-agent key does)"
        case .clockWentBack, .resetWentBack:
            "the TPM was cleared or replaced, or its state rolled back: inspect the host, then remove the agent and have "
                + "it join again"
        }
    }

    package var description: String { "\(reason): \(detail)" }
}
