import AssayCrypto
import Bytes
import TPM

/// A quote as tpm2-tools leave it in files.
struct QuoteFiles: Sendable {
    /// TPMS_ATTEST (`tpm2_quote -m`).
    let attest: String
    /// TPMT_SIGNATURE (`tpm2_quote -s`), or the plain signature (`-f plain`).
    let signature: String
    /// TPM2B_PUBLIC (`tpm2_readpublic -f tss`) or TPMT_PUBLIC; or a bare public key or certificate, PEM or DER.
    let attestationKey: String
    /// What the PCRs' values are stated to be (`tpm2_quote -o`), in the serialized form or as plain values.
    let pcrValues: String
    /// The qualifying data (`tpm2_quote -q`).
    let nonce: [UInt8]
    /// The one bank that the quote must be of; nil for any.
    let bank: PCRBank?
    /// Whether SHA-1 is taken where a session takes none.
    let allowsSHA1: Bool

    /// A verified quote and whose it is.
    struct Verified: Sendable {
        let quote: VerifiedQuote
        /// SHA-256 of the attestation key's SubjectPublicKeyInfo: counters compare only among quotes of one key.
        let attestationKey: Digest
        /// Whether nothing tells that the key is a TPM's restricted key.
        let isBareKey: Bool
        /// What of it rests on SHA-1.
        let ofSHA1: [String]
    }

    /// No file that belongs to a quote is as long as this, in bytes.
    private static let limit = 1 << 20

    /// The options of a quote; nil if there is none of them.
    init?(_ arguments: AppraisalArguments) throws(OfflineError) {
        guard let attest = arguments.quote else {
            let others = [
                ("--signature", arguments.signature), ("--ak", arguments.attestationKey), ("--nonce", arguments.nonce),
                ("--pcr-values", arguments.pcrValues), ("--bank", arguments.bank),
            ]
            if let other = others.first(where: { $0.1 != nil }) { throw .usage("\(other.0) needs --quote") }
            return nil
        }
        guard let signature = arguments.signature, let key = arguments.attestationKey, let nonce = arguments.nonce,
            let pcrValues = arguments.pcrValues
        else { throw .usage("--quote needs --signature, --ak, --nonce and --pcr-values") }
        guard let nonce = [UInt8](hexadecimal: nonce) else { throw .usage("--nonce is hexadecimal digits") }
        self.attest = attest
        self.signature = signature
        attestationKey = key
        self.pcrValues = pcrValues
        self.nonce = nonce
        allowsSHA1 = arguments.allowsSHA1
        bank = try arguments.bank.map { (name) throws(OfflineError) in
            guard let bank = PCRBank(name: name) else {
                throw .usage("--bank is one of " + PCRBank.allCases.map(\.description).joined(separator: ", "))
            }
            return bank
        }
    }

    /// Reads and verifies the quote.
    ///
    /// - Returns: what it proves, or the first check that failed.
    func verified() throws(OfflineError) -> Result<Verified, QuoteError> {
        let attest = try InputFile(attest).contents(limit: Self.limit)
        let signature = try InputFile(signature).contents(limit: Self.limit)
        let keyBytes = try InputFile(attestationKey).contents(limit: Self.limit)
        let pcrBytes = try InputFile(pcrValues).contents(limit: Self.limit)
        do throws(QuoteError) {
            let key = try key(keyBytes)
            let stated = try Self.values(pcrBytes, of: attest)
            var received = ReceivedQuote(attest: attest, signature: signature, pcrValues: stated.values)
            received.mayHavePlainSignature = true
            let quote = try key.verify(
                received, qualifyingData: nonce, selection: stated.selection, requiredBank: bank,
                allowsSHA1Signature: allowsSHA1)
            return .success(
                Verified(
                    quote: quote, attestationKey: key.publicKey.fingerprint, isBareKey: key.isBare,
                    ofSHA1: (quote.signatureHash == .sha1 ? ["the quote's signature"] : [])
                        + (key.isNamedBySHA1 ? ["the attestation key's name"] : [])))
        } catch {
            return .failure(error)
        }
    }
}

// MARK: - Forms

extension QuoteFiles {
    /// The forms in which the files are read: what to do about one that isn't.
    static let forms =
        "Give the files as tpm2-tools write them: the quote as tpm2_quote -m, the signature as -s (tss or plain), the PCRs' "
        + "values as -o (serialized or values), the key as tpm2_readpublic -f tss, tpmt, pem or der."

    private func key(_ bytes: [UInt8]) throws(QuoteError) -> AttestationKey {
        if let area = try Self.publicArea(bytes) { return try AttestationKey(publicArea: area, allowsSHA1: allowsSHA1) }
        do throws(CryptoError) {
            return AttestationKey(publicKey: try PublicKey(encoded: bytes))
        } catch {
            throw QuoteError(
                .badAttestationKey,
                "the key's file is no TPM2B_PUBLIC, TPMT_PUBLIC, PEM or DER that can be used: \(error)")
        }
    }

    /// A TPM2B_PUBLIC begins with its length, a TPMT_PUBLIC with the key's type; PEM and DER do neither.
    private static func publicArea(_ bytes: [UInt8]) throws(QuoteError) -> PublicArea? {
        guard bytes.count >= 2 else { return nil }
        let first = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        if Int(first) == bytes.count - 2 { return try PublicArea(tpm2bPublic: bytes) }
        guard [AlgorithmID.rsa, .ecc].contains(AlgorithmID(rawValue: first)) else { return nil }
        return try PublicArea(tpmtPublic: bytes)
    }

    /// Plain values don't say which PCRs they are of: the quote does, and its digest proves it.
    private static func values(_ bytes: [UInt8], of attest: [UInt8]) throws(QuoteError) -> PCRFile {
        do throws(QuoteError) {
            return try PCRFile(bytes)
        } catch {
            guard error.code == .malformed, let signed = try? Attest(attest).signedSelection() else { throw error }
            if let plain = PCRFile(plainValues: bytes, of: signed) { return plain }
            let size = signed.banks.reduce(0) { $0 + $1.pcrs.indices.count * $1.bank.digestSize }
            throw QuoteError(
                .malformed, "\(error.detail); and plain values of \(signed) have \(size) bytes, not \(bytes.count)")
        }
    }
}
