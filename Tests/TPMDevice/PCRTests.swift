import AssayCrypto
import TPM
import TestSupport
import Testing

@testable import TPMDevice

@Suite("PCRs of a real TPM") struct PCRTests {
    private let tpm: SoftwareTPM
    private let device: TPMDevice

    init() throws {
        tpm = try SoftwareTPM()
        device = try TPMDevice(tcti: tpm.tcti)
    }

    @Test("extend is the arithmetic that a replay does, in each bank")
    func extend() async throws {
        let banks = try await device.activeBanks()
        #expect(banks.sorted() == PCRBank.allCases)
        var replayed = Dictionary(uniqueKeysWithValues: banks.map { ($0, Digest(repeating: 0, count: $0.digestSize)) })
        for record in UInt8(0)..<20 {
            let digests = Dictionary(uniqueKeysWithValues: banks.map { ($0, $0.digest(of: [record])) })
            try await device.extend(pcr: 10, with: digests)
            for (bank, digest) in digests { bank.extend(&replayed[bank, default: digest], with: digest) }
        }
        let values = try await device.readPCRs(PCRSelection(banks: banks, pcrs: PCRSet([10])))
        for bank in banks { #expect(values[bank, 10] == replayed[bank]) }
    }

    @Test("all of them are read, though one answer holds eight")
    func readAll() async throws {
        try await device.extend(pcr: 16, with: [.sha384: Digest(repeating: 5, count: 48)])
        let values = try await device.readPCRs(PCRSelection(banks: PCRBank.allCases, pcrs: PCRSet(0..<24)))
        #expect(values.all.count == 4 * 24)
        #expect(values[.sha256, 0] == Digest(repeating: 0, count: 32))
        #expect(values[.sha512, 17] == Digest(repeating: 0xff, count: 64))
        #expect(values[.sha384, 16] != Digest(repeating: 0, count: 48))
        #expect(values[.sha1, 16] == Digest(repeating: 0, count: 20))
    }

    @Test("no PCRs have no values")
    func readNone() async throws {
        #expect(try await device.readPCRs(PCRSelection([])) == PCRValues())
    }

    @Test("an extend that no TPM takes is refused", arguments: [-1, 24, Int.max])
    func badIndex(index: Int) async {
        await #expect(throws: TPMDeviceError.self) {
            try await device.extend(pcr: index, with: [.sha1: Digest(repeating: 0, count: 20)])
        }
    }

    @Test("an extend with a digest of another bank's length is refused")
    func badDigest() async throws {
        await #expect(throws: TPMDeviceError.self) {
            try await device.extend(pcr: 10, with: [.sha256: Digest(repeating: 0, count: 20)])
        }
        let values = try await device.readPCRs(PCRSelection(banks: [.sha256], pcrs: PCRSet([10])))
        #expect(values[.sha256, 10] == Digest(repeating: 0, count: 32))
    }

    @Test("a bank that isn't active is not listed, and its PCRs are missing")
    func inactiveBank() async throws {
        try await device.allocateOnly(PCRBank.sha256.rawValue)
        try tpm.reset()
        #expect(try await device.activeBanks() == [.sha256])
        let selection = PCRSelection(banks: [.sha1, .sha256], pcrs: PCRSet([0, 10]))
        let missing = PCRSelection(banks: [.sha1], pcrs: PCRSet([0, 10]))
        let error = await #expect(throws: TPMDeviceError.self) { try await device.readPCRs(selection) }
        #expect(error?.code == .noSuchPCRs(missing))
        #expect("\(try #require(error))".contains("sha1:0,10"))
    }
}
