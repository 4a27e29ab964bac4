import AssayCrypto
import Bytes
import CTSS2
import TPM
import TestSupport
import Testing

@testable import TPMDevice

@Suite("Keys of a real TPM") struct KeyTests {
    private let tpm: SoftwareTPM
    private let device: TPMDevice

    init() throws {
        tpm = try SoftwareTPM()
        device = try TPMDevice(tcti: tpm.tcti)
    }

    /// TPM2B_PUBLIC up to the key's own number: L-1 and L-2 as other tools make them.
    @Test(
        "the endorsement key is of the profile's template, and always the same",
        arguments: [
            (
                KeyKind.rsa2048,
                "013a0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
                    + "00060080004300100800000000000100"
            ),
            (
                KeyKind.p256,
                "007a0023000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
                    + "0006008000430010000300100020"
            ),
        ])
    func endorsementKey(kind: KeyKind, prefix: String) async throws {
        let key = try await device.endorsementKeyPublic(kind)
        #expect(key.hexadecimal.hasPrefix(prefix))
        try tpm.reset()
        #expect(try await device.endorsementKeyPublic(kind) == key)
    }

    @Test("the endorsement key's policy is PolicySecret of its hierarchy")
    func policy() throws {
        let command: [UInt8] = [0, 0, 1, 0x51]  // TPM_CC_PolicySecret
        let endorsement: [UInt8] = [0x40, 0, 0, 0x0b]  // TPM_RH_ENDORSEMENT, its own name
        let inner = PCRBank.sha256.digest(of: [UInt8](repeating: 0, count: 32) + command + endorsement)
        let policy = PCRBank.sha256.digest(of: inner.bytes)
        for kind in KeyKind.allCases { #expect(kind.endorsementTemplate.publicArea.authPolicy.bytes == policy.bytes) }
    }

    @Test("a TPM without an endorsement certificate", arguments: KeyKind.allCases)
    func noCertificate(kind: KeyKind) async throws {
        #expect(try await device.endorsementCertificate(kind) == nil)
    }

    @Test("an endorsement certificate is read whole, without what pads it", arguments: [0, 1, 300])
    func certificate(padding: Int) async throws {
        let content = (0..<1100).map { UInt8(truncatingIfNeeded: $0) }
        let certificate: [UInt8] = [0x30, 0x82, 0x04, 0x4c] + content
        try await device.storeCertificate(certificate + [UInt8](repeating: 0xff, count: padding), for: .p256)
        #expect(try await device.endorsementCertificate(.p256) == certificate)
        #expect(try await device.endorsementCertificate(.rsa2048) == nil)
    }

    @Test("what isn't a certificate is refused")
    func noDER() async throws {
        try await device.storeCertificate([UInt8](repeating: 0xff, count: 100), for: .rsa2048)
        await #expect(throws: TPMDeviceError.self) { try await device.endorsementCertificate(.rsa2048) }
    }

    @Test("an attestation key is fit to attest, by the verifier's rules", arguments: KeyKind.allCases)
    func attestationKey(kind: KeyKind) async throws {
        let blob = try await device.createAttestationKey(kind)
        let area = try PublicArea(tpm2bPublic: blob.publicArea)
        #expect(try AttestationKey(publicArea: area).name.count == 34)
        #expect(area.attributes.rawValue == 0x0005_0472)
    }

    @Test("two attestation keys are two")
    func distinct() async throws {
        let first = try await device.createAttestationKey(.p256)
        let second = try await device.createAttestationKey(.p256)
        #expect(first.publicArea != second.publicArea)
    }

    @Test("a key of another TPM is foreign", arguments: KeyKind.allCases)
    func foreignKey(kind: KeyKind) async throws {
        let other = try SoftwareTPM()
        let blob = try await TPMDevice(tcti: other.tcti).createAttestationKey(kind)
        let error = await #expect(throws: TPMDeviceError.self) { try await device.loadAttestationKey(blob) }
        guard case .foreignKey = error?.code else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.remedy.contains("join again") == true)
    }

    @Test("a key that was tampered with isn't loaded, wherever the flipped bit")
    func tampered() async throws {
        let blob = try await device.createAttestationKey(.p256)
        for index in stride(from: 0, to: blob.sealedPrivate.count, by: 7) {
            var sealed = blob.sealedPrivate
            sealed[index] ^= 1
            await expectRefused(AttestationKeyBlob(kind: .p256, publicArea: blob.publicArea, sealedPrivate: sealed))
        }
        for index in stride(from: 0, to: blob.publicArea.count, by: 7) {
            var area = blob.publicArea
            area[index] ^= 1
            await expectRefused(AttestationKeyBlob(kind: .p256, publicArea: area, sealedPrivate: blob.sealedPrivate))
        }
        await expectRefused(
            AttestationKeyBlob(kind: .rsa2048, publicArea: blob.publicArea, sealedPrivate: blob.sealedPrivate))
        await expectRefused(AttestationKeyBlob(kind: .p256, publicArea: [], sealedPrivate: []))
        await expectRefused(
            AttestationKeyBlob(
                kind: .p256, publicArea: [UInt8](repeating: 0xff, count: 4096),
                sealedPrivate: [UInt8](repeating: 0xff, count: 4096)))
        try await device.loadAttestationKey(blob)
    }

    @Test("keys leave the TPM with their device: its room of three is never used up")
    func flushed() async throws {
        let blob = try await device.createAttestationKey(.p256)
        for _ in 0..<8 {
            let device = try TPMDevice(tcti: tpm.tcti)
            try await device.loadAttestationKey(blob)
            try await device.loadAttestationKey(blob)
        }
    }

    private func expectRefused(_ blob: AttestationKeyBlob, sourceLocation: SourceLocation = #_sourceLocation) async {
        await #expect(throws: TPMDeviceError.self, sourceLocation: sourceLocation) {
            try await device.loadAttestationKey(blob)
        }
    }
}
