import AssayCrypto
import CTSS2
import TPM
import TestSupport
import Testing

@testable import TPMDevice

/// A TPM without a resource manager keeps what a killed agent has loaded; its room is three objects and three sessions.
@Suite("What killed agents have left in a TPM") struct LeftOverTests {
    private let tpm: SoftwareTPM
    /// Agents that were killed: their contexts know nothing of what they left.
    private let killed: TPMDevice
    private let device: TPMDevice

    init() throws {
        tpm = try SoftwareTPM()
        killed = try TPMDevice(tcti: tpm.tcti)
        device = try TPMDevice(tcti: tpm.tcti)
    }

    private let selection = PCRSelection([.init(.sha256, PCRSet([10]))])

    @Test("keys make room when it is needed, another program's object stays", arguments: KeyKind.allCases)
    func keys(kind: KeyKind) async throws {
        let foreign = try tpm.leaveStorageKey()
        let blob = try await killed.createAttestationKey(kind)
        try await killed.loadAttestationKey(blob)
        try await killed.leaveEndorsementKey(kind)
        #expect(try tpm.loadedObjects().count == 3)
        try await device.loadAttestationKey(blob)
        _ = try await device.quote(qualifyingData: [1], selection: selection)
        #expect(try tpm.loadedObjects().contains(foreign))
        // And an agent that was at work meanwhile, not killed, loads its key again.
        _ = try await killed.quote(qualifyingData: [2], selection: selection)
    }

    @Test("endorsement keys alone make room, for making an attestation key, too")
    func endorsementKeys() async throws {
        for kind in [KeyKind.p256, .rsa2048, .p256] { try await killed.leaveEndorsementKey(kind) }
        _ = try await device.createAttestationKey(.p256)
        #expect(try tpm.loadedObjects() == [])
    }

    @Test("sessions that are good for the endorsement key alone, or for nothing, make room")
    func sessions() async throws {
        for _ in 0..<2 { try await killed.leaveSession(proving: ESYS_TR_RH_ENDORSEMENT) }
        try await killed.leaveSession(proving: nil)
        #expect(try tpm.loadedSessions().count == 3)
        try await device.loadAttestationKey(device.createAttestationKey(.p256))
        #expect(try tpm.loadedSessions() == [])
    }

    @Test("are left alone as long as there is room")
    func room() async throws {
        try await killed.leaveEndorsementKey(.p256)
        try await killed.leaveSession(proving: ESYS_TR_RH_ENDORSEMENT)
        _ = try await device.endorsementKeyPublic(.p256)
        #expect(try tpm.loadedObjects().count == 1 && tpm.loadedSessions().count == 1)
    }

    @Test("are not what fills it: then it is said how to make room, and nobody's object or session goes")
    func foreign() async throws {
        let objects = try (0..<3).map { _ in try tpm.leaveStorageKey() }
        let full = await #expect(throws: TPMDeviceError.self) { try await device.createAttestationKey(.p256) }
        #expect(full?.remedy.contains("tpm2_flushcontext -t") == true, "\(String(describing: full))")
        #expect(try tpm.loadedObjects() == objects)
        try tpm.reset()
        for _ in 0..<3 { try await killed.leaveSession(proving: ESYS_TR_RH_OWNER) }
        let sessions = try tpm.loadedSessions()
        let none = await #expect(throws: TPMDeviceError.self) { try await device.createAttestationKey(.p256) }
        #expect(none?.remedy.contains("tpm2_flushcontext -l") == true, "\(String(describing: none))")
        #expect(try tpm.loadedSessions() == sessions && sessions.count == 3)
    }
}
