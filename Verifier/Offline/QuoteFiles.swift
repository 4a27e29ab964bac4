import AssayCrypto
import Bytes
import TPM

/// A quote as tpm2-tools leave it in files.
struct QuoteFiles: Sendable {
    /// TPMS_ATTEST (`tpm2_quote -m`).
    let attest: String
    /// TPMT_SIGNATURE (`tpm2_quote -s`).
    let signature: String
    /// TPM2B_PUBLIC (`tpm2_readpublic -f tss`), or PEM of a public key or certificate.
    let attestationKey: String
    /// What the PCRs' values are stated to be (`tpm2_quote -o`).
    let pcrValues: String
    /// The qualifying data (`tpm2_quote -q`).
    let nonce: [UInt8]
    /// The one bank that the quote must be of; nil for any.
    let bank: PCRBank?

    /// A verified quote and whose it is.
    struct Verified: Sendable {
        let quote: VerifiedQuote
        /// SHA-256 of the attestation key's SubjectPublicKeyInfo: counters compare only among quotes of one key.
        let attestationKey: Digest
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
            let key = try Self.key(keyBytes)
            let stated = try PCRFile(pcrBytes)
            let received = ReceivedQuote(attest: attest, signature: signature, pcrValues: stated.values)
            let quote = try key.verify(
                received, qualifyingData: nonce, selection: stated.selection, requiredBank: bank,
                allowsSHA1Signature: true)
            return .success(Verified(quote: quote, attestationKey: key.publicKey.fingerprint))
        } catch {
            return .failure(error)
        }
    }

    /// A TPM2B_PUBLIC begins with a length of two bytes; `--` would be 11,565, more than any has.
    private static func key(_ bytes: [UInt8]) throws(QuoteError) -> AttestationKey {
        guard isPEM(bytes) else { return try AttestationKey(publicArea: PublicArea(tpm2bPublic: bytes)) }
        do throws(CryptoError) {
            return AttestationKey(publicKey: try PublicKey(pem: bytes))
        } catch {
            throw QuoteError(.badAttestationKey, "the PEM file has no public key or certificate that can be used")
        }
    }

    /// Text may stand before the first block.
    private static func isPEM(_ bytes: [UInt8]) -> Bool {
        bytes.contains(Array("-----BEGIN ".utf8))
    }
}
