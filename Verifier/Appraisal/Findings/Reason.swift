internal import TPM

/// Why an appraisal found fault: a closed list, the same words wherever a finding is shown or counted.
package enum Reason: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    case parseError = "parse_error"
    case unknownTemplate = "unknown_template"
    case templateHashMismatch = "template_hash_mismatch"
    case wrongPCR = "wrong_pcr"
    case notInPolicy = "not_in_policy"
    case digestMismatch = "digest_mismatch"
    case notSigned = "not_signed"
    case badSignature = "bad_signature"
    case unknownKey = "unknown_key"
    case unsupportedKey = "unsupported_key"
    case keyDenied = "key_denied"
    case bufferDigestMismatch = "buffer_digest_mismatch"
    case violation = "violation"
    case noBootAggregate = "no_boot_aggregate"
    case nothingMeasured = "nothing_measured"
    case pcrMismatch = "pcr_mismatch"
    case paddedBank = "padded_bank"
    case recordsMissing = "records_missing"
    case noProgress = "no_progress"
    case badPolicy = "bad_policy"
    case badQuoteSignature = "bad_quote_signature"
    case nonceMismatch = "nonce_mismatch"
    case pcrDigestMismatch = "pcr_digest_mismatch"
    case pcrSelectionMismatch = "pcr_selection_mismatch"
    case wrongBank = "wrong_bank"
    case badMagic = "bad_magic"
    case notAQuote = "not_a_quote"
    case malformed = "malformed"
    case badAttestationKey = "bad_attestation_key"
    case clockWentBack = "clock_went_back"
    case resetWentBack = "reset_went_back"

    /// The word, such as `digest_mismatch`.
    package var description: String { rawValue }

    /// What the operator can do where nothing closer is known.
    package var remedy: String {
        switch self {
        case .parseError:
            "Give the log again from record 0; if it stays so, it is damaged: inspect the host and what carried the log."
        case .unknownTemplate:
            "Use a built-in ima_template on the host; or one of known fields, a digest first and a name second, listed under assay.templates."
        case .templateHashMismatch:
            "The log was altered after the kernel wrote it: inspect the host and what carried the log."
        case .wrongPCR:
            "Let rules of the host's IMA policy name PCRs from 10 to 15 alone (pcr=); of files, quote that PCR, too."
        case .notInPolicy:
            "Add the name and its digest to the policy, exclude the path, or remove the file from the host."
        case .digestMismatch: "Find out why it differs; if the change is wanted, add its digest to the policy."
        case .notSigned: "Sign the file (evmctl ima_sign) before it is first used, or list its digest in the policy."
        case .badSignature: "Sign the file again; if nobody changed it on purpose, inspect the host."
        case .unknownKey:
            "Add the key to the policy's verification-keys, or its hash under the keyring it is loaded on."
        case .unsupportedKey: "Use a key that the verifier's OpenSSL can use, or list the file's digest."
        case .keyDenied: "Sign the file with a key that isn't denied, or allow the key again (keyrings allow)."
        case .bufferDigestMismatch:
            "The log was forged, or damaged on its way: inspect the host and what carried the log."
        case .violation:
            "Find the program that wrote a file while it was measured, or set assay.violations for its path."
        case .noBootAggregate: "Have the kernel measure from boot on (ima_policy=), and give its log from record 0."
        case .nothingMeasured: "Load an IMA policy that measures files (ima_policy=tcb, or a custom one)."
        case .pcrMismatch: "Records were lost, altered or added: inspect the host, and boot it to begin a new log."
        case .paddedBank:
            "Boot a kernel that extends the bank by its own hash (5.8 or later, the hash built in), or quote a bank that it "
                + "does so; else set assay.padded_banks."
        case .recordsMissing:
            "Restore the missing shards on the host, or boot it through its firmware, not by kexec, to begin a new log."
        case .noProgress:
            "Make a new quote, over the records already given, too. If the host began its log anew meanwhile (its shards were "
                + "removed), have it appraised from record 0 (agents reattest); else, if it repeats, inspect the host."
        case .badPolicy: "Correct the policy (policy check names every fault) and upload it again."
        case .badQuoteSignature: Self.remedy(.badQuoteSignature)
        case .nonceMismatch: Self.remedy(.nonceMismatch)
        case .pcrDigestMismatch: Self.remedy(.pcrDigestMismatch)
        case .pcrSelectionMismatch: Self.remedy(.pcrSelectionMismatch)
        case .wrongBank: Self.remedy(.wrongBank)
        case .badMagic: Self.remedy(.badMagic)
        case .notAQuote: Self.remedy(.notAQuote)
        case .malformed: Self.remedy(.malformed)
        case .badAttestationKey: Self.remedy(.badAttestationKey)
        case .clockWentBack: Self.remedy(.clockWentBack)
        case .resetWentBack: Self.remedy(.resetWentBack)
        }
    }

    /// What is to be done about a quote, in the quote's own words, as a sentence.
    private static func remedy(_ code: QuoteError.Code) -> String {
        let words = QuoteError(code, "").remedy
        return words.prefix(1).uppercased() + words.dropFirst() + "."
    }
}
