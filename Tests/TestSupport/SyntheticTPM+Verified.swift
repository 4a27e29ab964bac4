internal import AssayCrypto
package import TPM

extension SyntheticTPM {
    private static let shared = Result { try SyntheticTPM() }

    /// A quote that was signed and verified, of PCRs that hold zeros: what a commit to a store rests on.
    package static func verifiedQuote(_ clock: ClockInfo, over selection: PCRSelection) throws -> VerifiedQuote {
        let tpm = try shared.get()
        var values = PCRValues()
        for bank in selection.banks {
            for pcr in bank.pcrs.indices { values[bank.bank, pcr] = Digest(repeating: 0, count: bank.bank.digestSize) }
        }
        let quote = try tpm.quote(qualifyingData: [], selection: selection, values: values, clock: clock)
        return try tpm.attestationKey().verify(
            quote, qualifyingData: [], selection: selection, allowsSHA1Signature: false)
    }
}
