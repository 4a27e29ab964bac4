internal import AssayCrypto
internal import CTSS2
package import TPM

/// A quote as the TPM made it, with the PCR values that it is about.
package struct Quote: Hashable, Sendable {
    /// The signed bytes: TPMS_ATTEST.
    package let attest: [UInt8]
    /// The signature: marshalled TPMT_SIGNATURE.
    package let signature: [UInt8]
    /// The selected PCRs' values; their digest is in `attest`.
    package let pcrValues: PCRValues

    /// A quote of a TPM's.
    package init(attest: [UInt8], signature: [UInt8], pcrValues: PCRValues) {
        self.attest = attest
        self.signature = signature
        self.pcrValues = pcrValues
    }
}

extension TPMDevice {
    /// Quotes PCRs with the loaded attestation key.
    ///
    /// A quote holds only a digest of the values, and PCR 10 changes while the host measures. So values are read before
    /// and after each quote, until those of one reading are what the quote is about.
    /// - Parameter qualifyingData: what the verifier wants to find in the quote: 64 bytes at most.
    /// - Throws: `.noKey`; `.noSuchPCRs`; `.movingPCRs` if the values never matched.
    package func quote(qualifyingData: [UInt8], selection: PCRSelection) throws(TPMDeviceError) -> Quote {
        guard let blob = attestationKey?.blob else { throw TPMDeviceError(.noKey, in: Self.esysQuote) }
        let data = try TPM2B_DATA(qualifyingData, for: Self.esysQuote)
        do {
            return try quoteStandingValues(data, selection)
        } catch {
            // Waking up from hibernation resets the TPM under a running agent.
            guard case .refused(let response) = error.code, response.saysThatHandleIsGone else { throw error }
            try loadAttestationKey(blob)
            return try quoteStandingValues(data, selection)
        }
    }

    private func quoteStandingValues(
        _ data: TPM2B_DATA, _ selection: PCRSelection
    ) throws(TPMDeviceError) -> Quote {
        var values = try readPCRsOnce(selection).values
        for _ in 0..<Self.attempts {
            let quoted = try quoteOnce(data, selection)
            if quoted.isAbout(values) { return quoted.with(values) }
            values = try readPCRsOnce(selection).values
            if quoted.isAbout(values) { return quoted.with(values) }
        }
        throw TPMDeviceError(.movingPCRs(attempts: Self.attempts), in: Self.esysQuote)
    }

    private func quoteOnce(_ data: TPM2B_DATA, _ selection: PCRSelection) throws(TPMDeviceError) -> SignedAttest {
        guard let key = attestationKey?.object.handle else { throw TPMDeviceError(.noKey, in: Self.esysQuote) }
        var data = data
        var pcrs = TPML_PCR_SELECTION(selection)
        var scheme = TPMT_SIG_SCHEME()
        scheme.scheme = TPM2_ALG_ID(TPM2_ALG_NULL)  // the key's own
        var quoted: UnsafeMutablePointer<TPM2B_ATTEST>?
        var signature: UnsafeMutablePointer<TPMT_SIGNATURE>?
        let none = ESYS_TR_NONE
        try check(
            Self.esysQuote,
            Esys_Quote(
                esys.pointer, key, ESYS_TR_PASSWORD, none, none, &data, &scheme, &pcrs, &quoted, &signature))
        let attest = try EsysOutput(quoted, of: Self.esysQuote)
        let signed = try EsysOutput(signature, of: Self.esysQuote)
        return SignedAttest(
            attest: attest.value.bytes,
            signature: try marshal(
                signed.value, "Tss2_MU_TPMT_SIGNATURE_Marshal", with: Tss2_MU_TPMT_SIGNATURE_Marshal))
    }

    private static let esysQuote = "Esys_Quote"
}

/// What the TPM signed, before it is known which values it is about.
private struct SignedAttest {
    let attest: [UInt8]
    let signature: [UInt8]

    func with(_ values: PCRValues) -> Quote {
        Quote(attest: attest, signature: signature, pcrValues: values)
    }

    /// Whether the quote's digest is that of these values, in the order in which the quote lists the PCRs. Its hash is
    /// the signing scheme's, which is SHA-256 for each of our keys (TPM 2.0 Part 3, 18.4).
    func isAbout(_ values: PCRValues) -> Bool {
        guard let parsed = unmarshal(attest, into: TPMS_ATTEST(), with: Tss2_MU_TPMS_ATTEST_Unmarshal) else {
            return false
        }
        let quote = parsed.attested.quote
        var concatenation: [UInt8] = []
        for (algorithm, pcrs) in quote.pcrSelect.banks {
            for index in pcrs.indices {
                guard let bank = PCRBank(rawValue: algorithm), let value = values[bank, index] else { return false }
                concatenation += value.bytes
            }
        }
        return PCRBank.sha256.digest(of: concatenation).bytes == quote.pcrDigest.bytes
    }
}
