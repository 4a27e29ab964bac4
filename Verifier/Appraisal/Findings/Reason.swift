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
            "Read the log anew from record 0; if it stays so, the host's log is damaged: inspect the host."
        case .unknownTemplate: "Use a built-in ima_template on the host, or a custom format of known fields."
        case .templateHashMismatch:
            "The log was altered after the kernel wrote it: inspect the host and what carried the log."
        case .wrongPCR: "Quote the PCR that the host's IMA policy names (pcr=), or remove that rule from the host."
        case .notInPolicy:
            "Add the name and its digest to the policy, exclude the path, or remove the file from the host."
        case .digestMismatch: "Find out why the file differs; if the change is wanted, add its digest to the policy."
        case .notSigned: "Sign the file (evmctl ima_sign) before it is first used, or list its digest in the policy."
        case .badSignature: "Sign the file again; if nobody changed it on purpose, inspect the host."
        case .unknownKey:
            "Add the key to the policy's verification-keys, or its hash under the keyring it is loaded on."
        case .unsupportedKey: "Use an RSA or ECDSA key that the verifier's OpenSSL knows, or list the file's digest."
        case .keyDenied: "Sign the file with a key that isn't denied, or allow the key again (keyrings allow)."
        case .bufferDigestMismatch:
            "The record's digest isn't that of its buffer: the log was forged, inspect the host."
        case .violation:
            "Find the program that wrote a file while it was measured, or set assay.violations for its path."
        case .noBootAggregate: "Enable IMA from boot on the host (ima_policy=) and read its log from record 0."
        case .nothingMeasured: "Load an IMA policy that measures files (ima_policy=tcb, or a custom one)."
        case .pcrMismatch: "Send the log from record 0; if it stays so, records were lost or altered: inspect the host."
        case .recordsMissing: "Restore the missing shards on the host, or reboot it to begin a new log."
        case .noProgress: "Let the host make a new quote that covers the records it has already sent."
        case .badPolicy: "Correct the policy (policy check names every fault) and upload it again."
        case .badQuoteSignature: "Enrol the host again if its attestation key changed; otherwise inspect the host."
        case .nonceMismatch: "Attest again; if it repeats, the evidence is replayed or relayed: inspect the host."
        case .pcrDigestMismatch: "The PCR values sent aren't those quoted: attest again, then inspect the host."
        case .pcrSelectionMismatch: "Quote exactly the PCRs and the bank asked for."
        case .wrongBank: "Quote the bank asked for, or ask for one that the TPM has active."
        case .badMagic: "The structure wasn't made by a TPM: inspect the host."
        case .notAQuote: "Send a TPM2_Quote attestation, not another kind."
        case .malformed: "Update the agent; if it is current, inspect the host."
        case .badAttestationKey: "Create a restricted, fixed signing key in the TPM and enrol the host again."
        case .clockWentBack: "The TPM was replaced or its state rolled back: inspect the host, then enrol it again."
        case .resetWentBack: "The TPM was replaced or its state rolled back: inspect the host, then enrol it again."
        }
    }
}
