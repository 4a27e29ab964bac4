import AssayCrypto
import TPM
import TPMDevice
import TestSupport
import Testing

@Suite("Quotes of a real TPM") struct QuoteTests {
    private let tpm: SoftwareTPM
    private let nonce = [UInt8](repeating: 0x5a, count: 32)

    init() throws {
        tpm = try SoftwareTPM()
    }

    @Test(
        "a kept key's quote is verified, over one bank and over several", arguments: KeyKind.allCases,
        [[.sha256], [.sha1, .sha256], [.sha512, .sha384, .sha256, .sha1]] as [[PCRBank]])
    func verified(kind: KeyKind, banks: [PCRBank]) async throws {
        let blob = try await TPMDevice(tcti: tpm.tcti).createAttestationKey(kind)
        let kept = try AttestationKeyBlob(encoded: blob.encoded)
        let device = try TPMDevice(tcti: tpm.tcti)
        try await device.loadAttestationKey(kept)
        let digests = Dictionary(uniqueKeysWithValues: banks.map { ($0, $0.digest(of: [1])) })
        try await device.extend(pcr: 10, with: digests)
        let selection = PCRSelection(banks: banks, pcrs: PCRSet([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14]))
        let quote = try await device.quote(qualifyingData: nonce, selection: selection)
        let verified = try verify(quote, by: kept, selection: selection)
        for bank in banks {
            var expected = Digest(repeating: 0, count: bank.digestSize)
            bank.extend(&expected, with: bank.digest(of: [1]))
            #expect(verified.pcrValues[bank, 10] == expected)
        }
    }

    @Test("a reset raises the count, which is the plain one, and a device that was open before goes on")
    func reset() async throws {
        let (device, blob) = try await readyDevice()
        let selection = PCRSelection(banks: [.sha256], pcrs: PCRSet([10]))
        let before = try verify(
            await device.quote(qualifyingData: nonce, selection: selection), by: blob, selection: selection)
        #expect(try await device.readClock().resetCount == before.clockInfo.resetCount)
        try tpm.reset()
        let after = try verify(
            await device.quote(qualifyingData: nonce, selection: selection), by: blob, selection: selection)
        #expect(after.clockInfo.resetCount == before.clockInfo.resetCount + 1)
        #expect(try await device.readClock().resetCount == after.clockInfo.resetCount)
        #expect(try ClockRelation.relation(previous: before.clockInfo, now: after.clockInfo) == .newEpoch)
    }

    @Test("the clock runs on within an epoch")
    func clock() async throws {
        let device = try TPMDevice(tcti: tpm.tcti)
        let first = try await device.readClock()
        let second = try await device.readClock()
        #expect(try ClockRelation.relation(previous: first, now: second) == .sameEpoch(restarted: false))
    }

    @Test("many tasks at once are served one after the other, each with its own quote")
    func concurrency() async throws {
        let (device, blob) = try await readyDevice()
        let selection = PCRSelection(banks: [.sha256], pcrs: PCRSet([10]))
        try await withThrowingTaskGroup(of: (UInt8, Quote).self) { group in
            for number in UInt8(0)..<32 {
                group.addTask { (number, try await device.quote(qualifyingData: [number], selection: selection)) }
            }
            for try await (number, quote) in group {
                _ = try verify(quote, by: blob, selection: selection, qualifyingData: [number])
            }
        }
    }

    @Test("values are those of the quote, while another program keeps extending")
    func busyHost() async throws {
        let (device, blob) = try await readyDevice()
        let kernel = try TPMDevice(tcti: tpm.tcti)
        let selection = PCRSelection(banks: PCRBank.allCases, pcrs: PCRSet(0...10))
        let measuring = Task {
            var count = 0
            while !Task.isCancelled {
                try await kernel.extend(pcr: 10, with: [.sha256: PCRBank.sha256.digest(of: [1])])
                try await Task.sleep(for: .milliseconds(2))
                count += 1
            }
            return count
        }
        var seen: Set<Digest> = []
        for _ in 0..<20 {
            let quote = try await device.quote(qualifyingData: nonce, selection: selection)
            let verified = try verify(quote, by: blob, selection: selection)
            if let value = verified.pcrValues[.sha256, 10] { seen.insert(value) }
        }
        measuring.cancel()
        _ = await measuring.result
        #expect(seen.count > 1, "nothing was measured between the quotes")
    }

    @Test("there is none without a key, and none over PCRs that don't exist or data that doesn't fit")
    func refused() async throws {
        let selection = PCRSelection(banks: [.sha256], pcrs: PCRSet([10]))
        let bare = try TPMDevice(tcti: tpm.tcti)
        let noKey = await #expect(throws: TPMDeviceError.self) {
            try await bare.quote(qualifyingData: nonce, selection: selection)
        }
        #expect(noKey?.code == .noKey)
        let (device, _) = try await readyDevice()
        let tooLong = await #expect(throws: TPMDeviceError.self) {
            try await device.quote(qualifyingData: [UInt8](repeating: 0, count: 65), selection: selection)
        }
        #expect(tooLong?.code == .tooLong(count: 65, limit: 64))
    }

    private func readyDevice() async throws -> (TPMDevice, AttestationKeyBlob) {
        let device = try TPMDevice(tcti: tpm.tcti)
        let blob = try await device.createAttestationKey(.p256)
        try await device.loadAttestationKey(blob)
        return (device, blob)
    }

    private func verify(
        _ quote: Quote, by blob: AttestationKeyBlob, selection: PCRSelection, qualifyingData: [UInt8]? = nil
    ) throws -> VerifiedQuote {
        let key = try AttestationKey(publicArea: PublicArea(tpm2bPublic: blob.publicArea))
        let received = ReceivedQuote(
            attest: quote.attest, signature: quote.signature, pcrValues: quote.pcrValues)
        return try key.verify(
            received, qualifyingData: qualifyingData ?? nonce, selection: selection, allowsSHA1Signature: false)
    }
}
