import AssayCrypto
import TPM
import TestSupport
import Testing

@testable import TPMDevice

@Suite("The endorsement hierarchy, asked by anybody") struct EndorsementHierarchyTests {
    private func hierarchy(
        isEnabled: Bool = true, hasPassword: Bool = false, others: [EndorsementHierarchy.Other] = []
    ) -> EndorsementHierarchy {
        EndorsementHierarchy(isEnabled: isEnabled, hasPassword: hasPassword, others: others)
    }

    @Test("is usable in a new TPM; passwords of others and the lockout are told, and no matter")
    func usable() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        let device = try TPMDevice(tcti: tpm.tcti)
        #expect(try await device.endorsementHierarchy() == hierarchy())
        try await device.lockOut()
        #expect(try await device.endorsementHierarchy() == hierarchy(others: [.lockout]))
        try tpm.setPassword("secret", of: .owner)
        try tpm.setPassword("secret", of: .lockout)
        let found = try await device.endorsementHierarchy()
        #expect(found == hierarchy(others: [.ownerPassword, .lockoutPassword, .lockout]) && found.obstacle == nil)
        try await device.loadAttestationKey(device.createAttestationKey(.p256))
        let selection = PCRSelection([.init(.sha256, PCRSet([10]))])
        _ = try await device.quote(qualifyingData: [1], selection: selection)
    }

    @Test("with a password stands in the way, with the remedy that making a key gives") func password() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        let device = try TPMDevice(tcti: tpm.tcti)
        try tpm.setPassword("secret", of: .endorsement)
        let hierarchy = try await device.endorsementHierarchy()
        #expect(hierarchy == self.hierarchy(hasPassword: true))
        try await expectRemedy(of: hierarchy, device)
    }

    @Test("switched off stands in the way, too, until the next reset") func disabled() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        let device = try TPMDevice(tcti: tpm.tcti)
        try tpm.disable(.endorsement)
        let hierarchy = try await device.endorsementHierarchy()
        #expect(hierarchy == self.hierarchy(isEnabled: false))
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
