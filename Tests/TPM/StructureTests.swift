import AssayCrypto
import Bytes
import TPM
import TestSupport
import Testing

@Suite("TPM structures") struct StructureTests {
    @Test(
        "of public keys decode as the fixture cases say",
        arguments: TPMObjectCase.all("tpm2b-public"))
    func publicAreas(name: String) throws {
        let objects = try #require(try TPMObjectCase(name).expected.objects)
        for (file, expected) in objects {
            let bytes = try Fixtures.bytes("appraisal/tpm-object/\(name)/\(file).tpm2b_public")
            let area = try PublicArea(tpm2bPublic: bytes)
            #expect(try area.name().hexadecimal == expected.name)
            #expect(area.attributes.rawValue == UInt32(expected.attributes, radix: 16))
            #expect(area.nameAlgorithm.description == "0x\(expected.nameAlgorithm)")
            #expect(try area.publicKey().subjectPublicKeyInfo.hexadecimal == expected.key)
            // The case takes the two words at that place: behind a null cipher stands the scheme.
            let second = area.symmetric.algorithm == .null ? area.scheme.algorithm.rawValue : area.symmetric.keyBits
            #expect([area.symmetric.algorithm.rawValue, second] == expected.symmetric)
            #expect(try PublicArea(tpmtPublic: area.marshalled) == area)
        }
        #expect(!objects.isEmpty)
    }

    @Test("of a quote decode as the fixture case says", arguments: TPMObjectCase.all("tpms-attest"))
    func attest(name: String) throws {
        let expected = try TPMObjectCase(name).expected
        let attest = try Attest(Fixtures.bytes("appraisal/tpm-object/\(name)/attest.bin"))
        #expect(attest.extraData.hexadecimal == expected.extraData)
        #expect(attest.pcrDigest.description == expected.pcrDigest)
        let clock = try #require(expected.clock)
        #expect(
            attest.clockInfo
                == ClockInfo(
                    clock: clock.clock, resetCount: clock.resetCount, restartCount: clock.restartCount,
                    isSafe: clock.safe == 1))
        #expect(attest.selection.map(\.algorithm) == [.sha256])
        #expect(attest.selection.map(\.pcrs.indices) == [expected.selection?["sha256"]])
    }

    @Test("of a quote are refused when cut short or lengthened, and never trap when changed")
    func hostileAttest() throws {
        let bytes = try QuoteCase("swtpm-rsa").bytes("attest.bin")
        let whole = try Attest(bytes)
        try everyDamage(to: bytes) {
            try Attest($0)
        } isOriginal: {
            $0 == whole
        }
    }

    @Test("of a quote tell a wrong magic, a wrong type and bad fields apart")
    func attestFields() throws {
        let bytes = try QuoteCase("swtpm-rsa").bytes("attest.bin")
        func code(_ change: (inout [UInt8]) -> Void) -> QuoteError.Code? {
            var bytes = bytes
            change(&bytes)
            do throws(QuoteError) {
                _ = try Attest(bytes)
                return nil
            } catch { return error.code }
        }
        #expect(code { _ in } == nil)
        #expect(code { $0[0] = 0 } == .badMagic)
        #expect(code { $0[5] = 0x17 } == .notAQuote)
        #expect(code { $0[6] = 0xff } == .malformed)
        let end = bytes.count
        // From the end: digest 2 + 32, bitmap 3, its size 1, bank 2, count 4, firmware 8, safe 1.
        #expect(code { $0[end - 53] = 2 } == .malformed)
        #expect(code { $0[end - 44] = 0xff } == .malformed)
        #expect(code { $0[end - 41] = 17 } == .malformed)
        #expect(code { $0.replaceSubrange(end - 38..<end - 34, with: [4, 0, 0, 1, 1]) } == .malformed)
        #expect(code { $0.replaceSubrange(end - 38..<end - 34, with: [4, 0, 0, 1, 0]) } == nil)
        #expect(code { $0.replaceSubrange(end - 38..<end - 34, with: [5, 0, 0, 1, 0, 0]) } == .malformed)
        let bank = Array(bytes[end - 40..<end - 34])
        #expect(
            code {
                $0[end - 41] = 2
                $0.insert(contentsOf: bank, at: end - 34)
            } == .pcrSelectionMismatch)
    }

    @Test(
        "of a public key are refused when cut short or lengthened, and never trap when changed",
        arguments: ["rsa", "ecc"])
    func hostilePublicArea(type: String) throws {
        let bytes = try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/tpm/ak-\(type).tpm2b_public")
        let whole = try PublicArea(tpm2bPublic: bytes)
        try everyDamage(to: bytes) {
            try PublicArea(tpm2bPublic: $0)
        } isOriginal: {
            $0 == whole
        }
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x41
            // Either outcome is right, as long as there is one; another key has another name.
            if let area = try? PublicArea(tpm2bPublic: changed), let key = try? AttestationKey(publicArea: area) {
                #expect(try key.name != whole.name())
            }
        }
    }

    @Test("of a signature are refused when cut short or lengthened, and never trap when changed")
    func hostileSignature() throws {
        for name in ["swtpm-rsa", "alg-ecdsa-p384-sha384"] {
            let bytes = try QuoteCase(name).bytes("signature.bin")
            let whole = try QuoteSignature(bytes)
            try everyDamage(to: bytes) {
                try QuoteSignature($0)
            } isOriginal: {
                $0 == whole
            }
        }
        for scheme: UInt8 in [0x05, 0x10, 0x15, 0x17, 0x1a, 0x1b, 0x1c] {
            let error = #expect(throws: QuoteError.self) { try QuoteSignature([0, scheme, 0, 0x0b, 0, 1, 1]) }
            #expect(error?.code == .malformed)
        }
        #expect(try QuoteSignature([0, 0x14, 0, 0x0b, 0, 1, 1]).bytes == [1])
    }

    @Test("of ECDSA take numbers with leading zeros, or short ones")
    func leadingZeros() throws {
        let plain = try QuoteSignature([0, 0x18, 0, 0x0b, 0, 1, 0x81, 0, 1, 5])
        let padded = try QuoteSignature([0, 0x18, 0, 0x0b, 0, 3, 0, 0, 0x81, 0, 2, 0, 5])
        #expect(plain == padded)
        #expect(plain.bytes == [0x30, 7, 2, 2, 0, 0x81, 2, 1, 5])
    }

    /// Every cut and every extension is refused; every change is read or refused, and is never taken for the original.
    private func everyDamage<Value>(
        to bytes: [UInt8], _ parse: ([UInt8]) throws -> Value, isOriginal: (Value) -> Bool
    ) throws {
        for index in bytes.indices {
            #expect(throws: QuoteError.self) { try parse(Array(bytes.prefix(index))) }
            for change: UInt8 in [1, 2, 0x40, 0x80, 0xff] {
                var changed = bytes
                changed[index] ^= change
                if let value = try? parse(changed) { #expect(!isOriginal(value), "byte \(index)") }
            }
        }
        #expect(throws: QuoteError.self) { try parse(bytes + [0]) }
        #expect(isOriginal(try parse(bytes)))
    }
}
