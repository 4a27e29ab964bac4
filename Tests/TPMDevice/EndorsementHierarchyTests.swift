import TestSupport
import Testing

@testable import TPMDevice

@Suite("The endorsement hierarchy, asked by anybody") struct EndorsementHierarchyTests {
    @Test("is usable in a new TPM; passwords of others are no matter") func usable() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        let device = try TPMDevice(tcti: tpm.tcti)
        #expect(try await device.endorsementHierarchy() == EndorsementHierarchy(isEnabled: true, hasPassword: false))
        try tpm.setPassword("secret", of: .owner)
        try tpm.setPassword("secret", of: .lockout)
        let hierarchy = try await device.endorsementHierarchy()
        #expect(hierarchy == EndorsementHierarchy(isEnabled: true, hasPassword: false) && hierarchy.obstacle == nil)
        _ = try await device.createAttestationKey(.p256)
    }

    @Test("with a password stands in the way, with the remedy that making a key gives") func password() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        let device = try TPMDevice(tcti: tpm.tcti)
        try tpm.setPassword("secret", of: .endorsement)
        let hierarchy = try await device.endorsementHierarchy()
        #expect(hierarchy == EndorsementHierarchy(isEnabled: true, hasPassword: true))
        try await expectRemedy(of: hierarchy, device)
    }

    @Test("switched off stands in the way, too, until the next reset") func disabled() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        let device = try TPMDevice(tcti: tpm.tcti)
        try tpm.disable(.endorsement)
        let hierarchy = try await device.endorsementHierarchy()
        #expect(hierarchy == EndorsementHierarchy(isEnabled: false, hasPassword: false))
        try await expectRemedy(of: hierarchy, device)
        try tpm.reset()
        #expect(try await device.endorsementHierarchy().obstacle == nil)
    }

    private func expectRemedy(of hierarchy: EndorsementHierarchy, _ device: TPMDevice) async throws {
        let remedy = try #require(hierarchy.obstacle?.remedy)
        let error = await #expect(throws: TPMDeviceError.self) { try await device.createAttestationKey(.p256) }
        #expect(error?.remedy.hasSuffix(remedy) == true, "\(String(describing: error))")
    }
}
