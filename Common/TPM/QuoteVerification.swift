package import AssayCrypto

/// A quote as it came, and what the host says its PCRs are: nothing here is believed yet.
package struct ReceivedQuote: Hashable, Sendable {
    /// TPMS_ATTEST, without a TPM2B's length.
    package var attest: [UInt8]
    /// TPMT_SIGNATURE.
    package var signature: [UInt8]
    /// Whether the signature may also be without the structure around it; then the key's public area says how it was
    /// made. Never so in a session.
    package var mayHavePlainSignature = false
    /// The host's word, until the quote's digest proves it.
    package var pcrValues: PCRValues

    /// A quote as it came.
    package init(attest: [UInt8], signature: [UInt8], pcrValues: PCRValues) {
        self.attest = attest
        self.signature = signature
        self.pcrValues = pcrValues
    }
}

/// A quote that held every check; only ``AttestationKey`` makes one.
package struct VerifiedQuote: Hashable, Sendable {
    /// The hash that the quote was signed with.
    package let signatureHash: HashAlgorithm
    /// The boot epoch, to be compared with the one before.
    package let clockInfo: ClockInfo
    /// The TPM's firmware version; a change is an update.
    package let firmwareVersion: UInt64
    /// The PCRs that were signed, exactly those asked for.
    package let selection: PCRSelection
    /// The values of these PCRs and no others, proved jointly by the quote's digest.
    package let pcrValues: PCRValues
}

extension AttestationKey {
    /// Checks a quote: signature, magic, type, qualifying data, selection, digest of the PCRs' values.
    ///
    /// The signature comes first, so that no word of an unsigned structure decides anything.
    /// - Parameter qualifyingData: what the quote must contain, in full.
    /// - Parameter selection: the PCRs asked for; the order of banks doesn't matter.
    /// - Parameter requiredBank: if given, the quote must be of this bank alone.
    /// - Parameter allowsSHA1Signature: whether the signature's hash may be SHA-1: for old evidence alone.
    /// - Throws: ``QuoteError`` with the first check that failed.
    package func verify(
        _ quote: ReceivedQuote, qualifyingData: [UInt8], selection: PCRSelection, requiredBank: PCRBank? = nil,
        allowsSHA1Signature: Bool
    ) throws(QuoteError) -> VerifiedQuote {
        let signature = try signature(of: quote)
        try checkScheme(signature, allowsSHA1Signature: allowsSHA1Signature)
        try checkSignature(signature, over: quote.attest)
        let attest = try Attest(quote.attest)
        guard constantTimeEqual(attest.extraData, qualifyingData) else {
            throw QuoteError(.nonceMismatch, "the quote's qualifying data is not the one that was asked for")
        }
        let signed = try attest.signedSelection()
        try Self.checkSelection(signed, asked: selection, requiredBank: requiredBank)
        let values = try Self.provedValues(quote.pcrValues, signed, digest: attest.pcrDigest, hash: signature.hash)
        return VerifiedQuote(
            signatureHash: signature.hash, clockInfo: attest.clockInfo, firmwareVersion: attest.firmwareVersion,
            selection: signed, pcrValues: values)
    }

    private func signature(of quote: ReceivedQuote) throws(QuoteError) -> QuoteSignature {
        guard quote.mayHavePlainSignature, QuoteSignature.isPlain(quote.signature, of: publicKey.kind) else {
            return try QuoteSignature(quote.signature)
        }
        guard case .fixed(let scheme, let hash) = requiredScheme else {
            throw QuoteError(
                .malformed,
                "the signature is plain, which doesn't say how it was made, and neither does a bare public key: give "
                    + "the key as TPM2B_PUBLIC, or the signature as TPMT_SIGNATURE")
        }
        return QuoteSignature(plain: quote.signature, scheme: scheme, hash: hash)
    }

    private func checkScheme(_ signature: QuoteSignature, allowsSHA1Signature: Bool) throws(QuoteError) {
        switch requiredScheme {
        case .any: break
        case .fixed(let scheme, let hash):
            guard signature.scheme == scheme, signature.hash == hash else {
                throw QuoteError(.badQuoteSignature, "it is not signed under the attestation key's own scheme and hash")
            }
        }
        switch signature.hash {
        case .sha256, .sha384, .sha512: break
        case .sha1:
            guard allowsSHA1Signature else {
                throw QuoteError(.badAttestationKey, "the key signs with SHA-1")
            }
        case .md5, .sha224, .rmd160, .sm3, .sha3_256, .sha3_384, .sha3_512:
            throw QuoteError(.badQuoteSignature, "it is signed with \(signature.hash); use SHA-256, SHA-384 or SHA-512")
        }
    }

    private func checkSignature(_ signature: QuoteSignature, over attest: [UInt8]) throws(QuoteError) {
        let digest = try? signature.hash.digest(of: attest)
        guard let digest,
            publicKey.verify(
                signature.bytes, ofDigest: digest.bytes, hash: signature.hash, scheme: signature.scheme)
        else { throw QuoteError(.badQuoteSignature, "the attestation key did not sign this quote") }
    }

    private static func checkSelection(
        _ signed: PCRSelection, asked: PCRSelection, requiredBank: PCRBank?
    ) throws(QuoteError) {
        guard !signed.banks.isEmpty else {
            throw QuoteError(
                .pcrSelectionMismatch,
                "the quote covers no PCR; is the bank that was asked for active (tpm2_getcap pcrs)?")
        }
        // No values at all are a statement about the digest, not another selection.
        guard !asked.banks.isEmpty else {
            throw QuoteError(.pcrDigestMismatch, "no PCR was asked for or stated, the quote is over \(signed)")
        }
        guard Set(signed.banks) == Set(asked.banks) else {
            throw QuoteError(.pcrSelectionMismatch, "the quote is over \(signed), asked for was \(asked)")
        }
        if let requiredBank, signed.banks.map(\.bank) != [requiredBank] {
            throw QuoteError(.wrongBank, "the quote is over \(signed), not over bank \(requiredBank) alone")
        }
    }

    /// The digest is that of the signature's hash over the values, in the signed order, ascending in each bank.
    private static func provedValues(
        _ stated: PCRValues, _ selection: PCRSelection, digest: Digest, hash: HashAlgorithm
    ) throws(QuoteError) -> PCRValues {
        var proved = PCRValues()
        var concatenated: [UInt8] = []
        for bank in selection.banks {
            for index in bank.pcrs.indices {
                guard let value = stated[bank.bank, index], value.count == bank.bank.digestSize else {
                    throw QuoteError(
                        .pcrDigestMismatch, "no value of \(bank.bank) size is stated for \(bank.bank):\(index)")
                }
                proved[bank.bank, index] = value
                concatenated += value.bytes
            }
        }
        let computed = try? hash.digest(of: concatenated)
        guard let computed, constantTimeEqual(computed.bytes, digest.bytes) else {
            throw QuoteError(
                .pcrDigestMismatch, "the stated values of \(selection) don't have the digest that was signed")
        }
        return proved
    }
}

extension Attest {
    /// The selection without its empty banks.
    ///
    /// - Throws: ``QuoteError`` with `.pcrSelectionMismatch` for a bank of a hash that we don't know.
    package func signedSelection() throws(QuoteError) -> PCRSelection {
        var banks: [PCRSelection.Bank] = []
        for selected in selection where !selected.pcrs.isEmpty {
            guard let bank = PCRBank(rawValue: selected.algorithm.rawValue) else {
                throw QuoteError(.pcrSelectionMismatch, "the quote covers a bank of unknown hash \(selected.algorithm)")
            }
            banks.append(PCRSelection.Bank(bank, selected.pcrs))
        }
        return PCRSelection(banks)
    }
}
