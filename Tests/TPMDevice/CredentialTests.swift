import AssayCrypto
import TPM
import TestSupport
import Testing

@testable import TPMDevice

@Suite("Credential activation in a real TPM") struct CredentialTests {
    @Test("opens what was made for its endorsement key and its attestation key", arguments: KeyKind.allCases)
    func activate(kind: KeyKind) async throws {
        let tpm = try SoftwareTPM()
        let device = try TPMDevice(tcti: tpm.tcti)
        let (secret, endorsementKey, name) = try await prepare(device, kind)
        let made = try await device.makeCredential(secret, endorsementKey: endorsementKey, name: name)
        #expect(try await device.activateCredential(made.credential, secret: made.secret).bytes == secret)
    }

    @Test("opens what was made without a TPM", arguments: KeyKind.allCases)
    func ownCredential(kind: KeyKind) async throws {
        let tpm = try SoftwareTPM()
        let device = try TPMDevice(tcti: tpm.tcti)
        let (secret, endorsementKey, name) = try await prepare(device, kind)
        let key = try EndorsementKey(publicArea: PublicArea(tpm2bPublic: endorsementKey))
        let made = try Credential.protecting(Secret(secret), for: key, attestationKeyName: name)
        #expect(try await device.activateCredential(made.credentialBlob, secret: made.encryptedSecret).bytes == secret)
        let other = try Credential.protecting(Secret(secret), for: key, attestationKeyName: name.dropLast() + [0])
        await #expect(throws: TPMDeviceError.self) {
            try await device.activateCredential(other.credentialBlob, secret: other.encryptedSecret)
        }
    }

    @Test("opens what was made for a key with another name algorithm, cipher and curve than the attestation key's")
    func largerKey() async throws {
        let tpm = try SoftwareTPM()
        let device = try TPMDevice(tcti: tpm.tcti)
        let (_, _, name) = try await prepare(device, .p256)
        let area = try await device.largeStorageKey()
        let key = try EndorsementKey(publicArea: PublicArea(tpm2bPublic: area))
        let secret = [UInt8](repeating: 3, count: 48)
        let made = try Credential.protecting(Secret(secret), for: key, attestationKeyName: name)
        #expect(try await device.activateWithLargeKey(made.credentialBlob, made.encryptedSecret) == secret)
    }

    @Test("refuses what was made for another attestation key, or changed", arguments: KeyKind.allCases)
    func refuse(kind: KeyKind) async throws {
        let tpm = try SoftwareTPM()
        let device = try TPMDevice(tcti: tpm.tcti)
        var (secret, endorsementKey, name) = try await prepare(device, kind)
        let made = try await device.makeCredential(secret, endorsementKey: endorsementKey, name: name)
        name[33] ^= 1
        let other = try await device.makeCredential(secret, endorsementKey: endorsementKey, name: name)
        var changed = made.credential
        changed[changed.count - 1] ^= 1
        for (credential, secret) in [
            (other.credential, other.secret), (changed, made.secret), (made.credential, other.secret), ([], []),
            ([UInt8](repeating: 0, count: 5000), made.secret), (made.credential, [UInt8](repeating: 0, count: 5000)),
        ] {
            await #expect(throws: TPMDeviceError.self) {
                try await device.activateCredential(credential, secret: secret)
            }
        }
        #expect(try await device.activateCredential(made.credential, secret: made.secret).bytes == secret)
    }

    @Test("needs a loaded attestation key")
    func noKey() async throws {
        let tpm = try SoftwareTPM()
        let device = try TPMDevice(tcti: tpm.tcti)
        let error = await #expect(throws: TPMDeviceError.self) { try await device.activateCredential([], secret: []) }
        #expect(error?.code == .noKey)
    }

    private func prepare(
        _ device: TPMDevice, _ kind: KeyKind
    ) async throws -> (secret: [UInt8], endorsementKey: [UInt8], name: [UInt8]) {
        let blob = try await device.createAttestationKey(kind)
        try await device.loadAttestationKey(blob)
        let name = try PublicArea(tpm2bPublic: blob.publicArea).name()
        return ((0..<32).map { UInt8($0) }, try await device.endorsementKeyPublic(kind), name)
    }
}
