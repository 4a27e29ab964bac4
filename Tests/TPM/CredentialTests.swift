import AssayCrypto
import Bytes
import Foundation
import TestSupport
import Testing

@testable import TPM

@Suite("Credentials made without a TPM") struct CredentialTests {
    private struct Case: Decodable {
        struct Inputs: Decodable {
            struct Ephemeral: Decodable { let d, x, y: String }
            let ek, challenge_hex, ak_name_hex: String
            let ephemeral_key: Ephemeral
        }
        struct Expected: Decodable { let blob: String }
        let inputs: Inputs
        let expected: Expected
    }

    @Test("for a key on a curve are what the fixture case says", arguments: TPMObjectCase.all("make-credential"))
    func fixture(name: String) throws {
        let folder = "appraisal/tpm-object/\(name)"
        let fixture = try JSONDecoder().decode(Case.self, from: Data(Fixtures.bytes(folder + "/case.json")))
        let area = try PublicArea(tpm2bPublic: Fixtures.bytes("\(folder)/\(fixture.inputs.ek)"))
        let key = try EndorsementKey(publicArea: area)
        guard case .ellipticCurve(let curve, let x) = key.kind else {
            Issue.record("not a key on a curve")
            return
        }
        let ephemeral = try privateKey(fixture.inputs.ephemeral_key)
        let secret = try #require([UInt8](hexadecimal: fixture.inputs.challenge_hex))
        let name = try #require([UInt8](hexadecimal: fixture.inputs.ak_name_hex))
        let made = try Credential.protecting(
            Secret(secret), for: key, at: x, on: curve, attestationKeyName: name, ephemeral: ephemeral)
        // tpm2-tools' file: magic, version, and both structures behind their lengths.
        var file = ByteWriter()
        file.integer(UInt32(0xbadc_c0de))
        file.integer(UInt32(1))
        file.sized(by: UInt16.self, made.credentialBlob)
        file.sized(by: UInt16.self, made.encryptedSecret)
        #expect(file.bytes.hexadecimal == fixture.expected.blob)
    }

    /// An ECPrivateKey (RFC 5915) of decimal numbers.
    private func privateKey(_ numbers: Case.Inputs.Ephemeral) throws -> PrivateKey {
        let d = bytes(numbers.d)
        let point = [0x04] + bytes(numbers.x) + bytes(numbers.y)
        func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] { [tag, UInt8(content.count)] + content }
        let curve = element(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07])
        let content =
            element(0x02, [1]) + element(0x04, d) + element(0xa0, curve)
            + element(0xa1, element(0x03, [0] + point))
        return try PrivateKey(pem: PEMBlock(label: "EC PRIVATE KEY", der: element(0x30, content)).encoded())
    }

    /// 32 bytes, big-endian.
    private func bytes(_ decimal: String) -> [UInt8] {
        var number = [UInt8](repeating: 0, count: 32)
        for digit in decimal.utf8 {
            var carry = Int(digit - UInt8(ascii: "0"))
            for index in number.indices.reversed() {
                carry += Int(number[index]) * 10
                number[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
        }
        return number
    }

    @Test("are made for storage keys alone: any other public area is refused with a reason")
    func refused() throws {
        let folder = "appraisal/tpm-object/makecredential-ecc"
        let whole = try PublicArea(tpm2bPublic: Fixtures.bytes("\(folder)/ek.tpm2b_public")).marshalled
        _ = try EndorsementKey(publicArea: PublicArea(tpmtPublic: whole))
        // type 0...1, name algorithm 2...3, attributes 4...7.
        for bit in [1, 4, 5, 16, 17, 18] {
            var area = whole
            area[7 - bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: EndorsementKeyError.self, "attribute \(bit)") {
                try EndorsementKey(publicArea: PublicArea(tpmtPublic: area))
            }
        }
        var sha1 = whole
        sha1[3] = 0x04
        #expect(throws: EndorsementKeyError.self) { try EndorsementKey(publicArea: PublicArea(tpmtPublic: sha1)) }
    }

    @Test("don't take a secret that is longer than the key's hash")
    func longSecret() throws {
        let area = try PublicArea(
            tpm2bPublic: Fixtures.bytes("appraisal/tpm-object/makecredential-ecc/ek.tpm2b_public"))
        let key = try EndorsementKey(publicArea: area)
        #expect(throws: CryptoError.self) {
            try Credential.protecting(Secret([UInt8](repeating: 0, count: 33)), for: key, attestationKeyName: [])
        }
    }

    @Test("rest on KDFa as the specification's counter mode has it: longer keys begin with shorter blocks")
    func keyDerivation() throws {
        let key = Array("key".utf8)
        let block = try HashAlgorithm.sha256.authenticationCode(
            key: key, [0, 0, 0, 1] + Array("STORAGE".utf8) + [0] + [1, 2] + [3] + [0, 0, 1, 0])
        #expect(try KeyDerivation.keyed(.sha256, key: key, label: "STORAGE", [1, 2], [3], bits: 256) == block.bytes)
        let long = try KeyDerivation.keyed(.sha256, key: key, label: "STORAGE", bits: 512)
        let second = try HashAlgorithm.sha256.authenticationCode(
            key: key, [0, 0, 0, 2] + Array("STORAGE".utf8) + [0] + [0, 0, 2, 0])
        #expect(long.count == 64 && Array(long.suffix(32)) == second.bytes)
    }
}
