import AssayCrypto
import Bytes
import TPM
import TPMDevice
import TestSupport
import Testing

@Suite("Quotes of a real TPM") struct QuoteTests {
    @Test("smoke", arguments: KeyKind.allCases)
    func smoke(kind: KeyKind) async throws {
        let tpm = try SoftwareTPM()
        let device = try TPMDevice(tcti: tpm.tcti)
        print(try await device.activeBanks())
        let ek = try await device.endorsementKeyPublic(kind)
        print(ek.hexadecimal)
        #expect(try await device.endorsementCertificate(kind) == nil)
        let blob = try await device.createAttestationKey(kind)
        print(blob.publicArea.hexadecimal, blob.encoded.count)
        try await device.loadAttestationKey(blob)
        let selection = PCRSelection(banks: [.sha256, .sha1], pcrs: PCRSet([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14]))
        try await device.extend(
            pcr: 10, with: [.sha256: Digest(repeating: 1, count: 32), .sha1: Digest(repeating: 2, count: 20)])
        let quote = try await device.quote(qualifyingData: [1, 2, 3], selection: selection)
        print(quote.attest.hexadecimal, quote.signature.count, quote.pcrValues.all.count)
        try tpm.reset()
        let quote2 = try await device.quote(qualifyingData: [1, 2, 3], selection: selection)
        print(quote2.attest.hexadecimal)
        tpm.stop()
    }
}
