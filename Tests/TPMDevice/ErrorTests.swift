import CTSS2
import Glibc
import TestSupport
import Testing

@testable import TPMDevice

@Suite("Errors say what to do") struct ErrorTests {
    @Test("a response code is told by layer, argument and name, with the number last")
    func responseCode() {
        let error = TPMDeviceError(.refused(ResponseCode(rawValue: 0x1df)), in: "Esys_Load")
        #expect(
            "\(error)".hasPrefix("Esys_Load: tpm:parameter(1):integrity check failed (0x1df); "), "\(error)")
    }

    @Test(
        "a TPM's code has its remedy whatever argument or layer it came with",
        arguments: [
            (0x921, "dictionarylockout"), (0x9a2, "changeauth"), (0x98e, "changeauth"), (0x12f, "changeauth"),
            (0x185, "firmware"), (0x120, "firmware"), (0x100, "startup-clear"), (0x101, "failure mode"),
            (0x902, "/dev/tpmrm0"), (0x903, "/dev/tpmrm0"), (0xb0902, "/dev/tpmrm0"), (0xc0902, "/dev/tpmrm0"),
            (0x2e6, "rsa2048"), (0x2ca, "rsa2048"), (0x2c7, "tpm.key"),
            (0x922, "try again"), (0x90a, "try again"), (0x143, "TSS2_LOG"), (0xa0922, "TSS2_LOG"),
        ] as [(UInt32, String)])
    func remedies(code: UInt32, words: String) {
        #expect(ResponseCode(rawValue: code).remedy.contains(words))
    }

    @Test(
        "a key that the TPM has forgotten is told from a key that it refuses",
        arguments: [(0x910, true), (0x916, true), (0x18b, true), (0x917, false), (0x1df, false), (0x7000b, false)]
            as [(UInt32, Bool)])
    func forgottenKey(code: UInt32, expected: Bool) {
        #expect(ResponseCode(rawValue: code).saysThatHandleIsGone == expected)
    }

    @Test("no device")
    func noDevice() throws {
        let error = try #require(throws: TPMDeviceError.self) { try TPMDevice(tcti: "device:/nonexistent/tpm") }
        guard case .unreachable(.device("/nonexistent/tpm", ENOENT), _) = error.code else {
            Issue.record("\(error)")
            return
        }
        #expect("\(error)".contains("can't open /nonexistent/tpm: No such file or directory"))
        #expect(error.remedy.contains("no TPM 2.0"))
    }

    @Test("no permission, and a device that another program holds")
    func refusedDevice() {
        #expect(Obstacle.device(path: "/dev/tpmrm0", errno: EACCES).remedy.contains("member of group tss"))
        #expect(Obstacle.device(path: "/dev/tpm0", errno: EBUSY).remedy.contains("device:/dev/tpmrm0"))
    }

    @Test("nothing listens")
    func noListener() throws {
        let tpm = try SoftwareTPM()
        tpm.stop()
        let error = try #require(throws: TPMDeviceError.self) { try TPMDevice(tcti: tpm.tcti) }
        guard case .unreachable(.socket, _) = error.code else {
            Issue.record("\(error)")
            return
        }
        #expect("\(error)".contains("no TPM answers at host=127.0.0.1,port=\(tpm.port)"))
        #expect(error.remedy.contains("start the software TPM"))
    }

    @Test("an unknown transport", arguments: ["", "nonsense", "nonsense:x", ":", "device\u{0}"])
    func unknownTransport(tcti: String) throws {
        let error = try #require(throws: TPMDeviceError.self) { try TPMDevice(tcti: tcti) }
        guard case .unreachable(.transport, _) = error.code else {
            Issue.record("\(error)")
            return
        }
        #expect(error.remedy.contains("device:/dev/tpmrm0"))
    }

    @Test("an endorsement hierarchy with a password")
    func hierarchyPassword() async throws {
        let tpm = try SoftwareTPM()
        let device = try TPMDevice(tcti: tpm.tcti)
        try await device.setEndorsementPassword([1, 2, 3])
        let other = try TPMDevice(tcti: tpm.tcti)
        let error = await #expect(throws: TPMDeviceError.self) { try await other.createAttestationKey(.p256) }
        #expect(error?.remedy.contains("tpm2_changeauth -c endorsement") == true)
    }

    @Test("a TPM that goes away")
    func gone() async throws {
        let tpm = try SoftwareTPM()
        let device = try TPMDevice(tcti: tpm.tcti)
        tpm.stop()
        let error = await #expect(throws: TPMDeviceError.self) { try await device.activeBanks() }
        #expect(error?.attempt == "Esys_GetCapability")
    }
}
