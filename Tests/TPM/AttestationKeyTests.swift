import AssayCrypto
import Bytes
import Foundation
import TPM
import TestSupport
import Testing

@Suite("Attestation keys") struct AttestationKeyTests {
    private static let modulus = [UInt8]([0xc1] + (1..<256).map { UInt8($0) | 1 })

    private func refusal(_ area: [UInt8]) throws -> String? {
        do throws(QuoteError) {
            _ = try AttestationKey(publicArea: PublicArea(tpmtPublic: area))
            return nil
        } catch {
            #expect(error.code == .badAttestationKey)
            return error.detail
        }
    }

    @Test(
        "are judged as the fixture cases say",
        arguments: [
            ("akattr-imported", "sensitiveDataOrigin is not set"), ("akattr-normal-ec", nil),
            ("akattr-signAndDecrypt", "decrypt is set"), ("akattr-unrestricted-ec", "restricted is not set"),
        ])
    func cases(name: String, expected: String?) throws {
        let object = try TPMObjectCase(name)
        #expect((object.expected.verdict == "pass") == (expected == nil))
        let area = try PublicArea(tpm2bPublic: Fixtures.bytes("appraisal/tpm-object/\(name)/ak.tpm2b_public"))
        #expect(try refusal(area.marshalled) == expected)
    }

    @Test(
        "need each attribute",
        arguments: [
            (0, nil), (1, "fixedTPM is not set"), (4, "fixedParent is not set"), (5, "sensitiveDataOrigin is not set"),
            (6, nil), (10, nil), (11, "encryptedDuplication is set"), (16, "restricted is not set"),
            (17, "decrypt is set"), (18, "sign is not set"),
        ])
    func attributes(bit: UInt32, expected: String?) throws {
        let attributes = PublicAreaBytes.attributes ^ 1 << bit
        #expect(try refusal(PublicAreaBytes.rsa(attributes: attributes, modulus: Self.modulus)) == expected)
    }

    @Test("are signing keys of enough strength, whose scheme is fixed")
    func numbers() throws {
        let modulus = Self.modulus
        #expect(try refusal(PublicAreaBytes.rsa(modulus: modulus)) == nil)
        #expect(try refusal(PublicAreaBytes.rsa(exponent: 65_537, modulus: modulus)) == nil)
        #expect(try refusal(PublicAreaBytes.rsa(scheme: .rsapss, hash: .sha512, modulus: modulus)) == nil)
        let refused = [
            PublicAreaBytes.rsa(nameAlgorithm: .null, modulus: modulus),
            PublicAreaBytes.rsa(cipher: .aes, modulus: modulus),
            PublicAreaBytes.rsa(scheme: .null, modulus: modulus),
            PublicAreaBytes.rsa(scheme: .oaep, modulus: modulus),
            PublicAreaBytes.rsa(scheme: .ecdsa, modulus: modulus),
            PublicAreaBytes.rsa(hash: .null, modulus: modulus),
            PublicAreaBytes.rsa(hash: .sm3, modulus: modulus),
            PublicAreaBytes.rsa(exponent: 1, modulus: modulus),
            PublicAreaBytes.rsa(exponent: 3, modulus: modulus),
            PublicAreaBytes.rsa(exponent: 65_538, modulus: modulus),
            PublicAreaBytes.rsa(modulus: Array(modulus.prefix(255))),
            PublicAreaBytes.rsa(modulus: [0, 0x7f] + modulus.dropFirst(2)),
            PublicAreaBytes.rsa(modulus: []),
        ]
        for area in refused { #expect(try refusal(area) != nil) }
    }

    @Test("sign and are named with SHA-1 only where that is allowed")
    func sha1() throws {
        for area in [
            PublicAreaBytes.rsa(hash: .sha1, modulus: Self.modulus),
            PublicAreaBytes.rsa(nameAlgorithm: .sha1, modulus: Self.modulus),
        ] {
            #expect(try refusal(area)?.contains("SHA-1") == true)
            let key = try AttestationKey(publicArea: PublicArea(tpmtPublic: area), allowsSHA1: true)
            #expect(key.isNamedBySHA1 == (key.name.count == 22) && !key.isBare)
        }
    }

    @Test("lie on P-256, P-384 or P-521, and on the curve")
    func curves() throws {
        let point = KernelPoint.all.first { (try? $0.text("ak.txt")) == "ecc" }
        let area = try PublicArea(tpm2bPublic: #require(point).key("tpm2b_public"))
        guard case .ellipticCurve(3, let x, let y) = area.key else {
            Issue.record("the fixture's key is on another curve")
            return
        }
        #expect(try refusal(PublicAreaBytes.ellipticCurve(x: x, y: y)) == nil)
        for curve: UInt16 in [0, 1, 2, 4, 5, 0x10, 0x20] {
            #expect(try refusal(PublicAreaBytes.ellipticCurve(curve: curve, x: x, y: y)) != nil)
        }
        #expect(try refusal(PublicAreaBytes.ellipticCurve(x: y, y: x)) != nil)
        #expect(try refusal(PublicAreaBytes.ellipticCurve(x: [0] + x, y: y)) != nil)
        #expect(try refusal(PublicAreaBytes.ellipticCurve(x: [], y: [])) != nil)
        #expect(try refusal(PublicAreaBytes.ellipticCurve(scheme: .rsassa, x: x, y: y)) != nil)
        #expect(try refusal(PublicAreaBytes.ellipticCurve(hash: .sha3_256, x: x, y: y)) != nil)
    }
}

/// One folder of Tests/Fixtures/appraisal/tpm-object.
struct TPMObjectCase: Decodable {
    struct Object: Decodable {
        let name: String
        let attributes: String
        let key: String
        let nameAlgorithm: String
        let symmetric: [UInt16]

        enum CodingKeys: String, CodingKey {
            case name
            case attributes = "object_attributes"
            case key = "key_der"
            case nameAlgorithm = "name_alg"
            case symmetric
        }
    }

    struct Clock: Decodable {
        let clock: UInt64
        let resetCount: UInt32
        let restartCount: UInt32
        let safe: UInt8
    }

    struct Expected: Decodable {
        let verdict: String
        let objects: [String: Object]?
        let extraData: String?
        let pcrDigest: String?
        let clock: Clock?
        let selection: [String: [Int]]?

        enum CodingKeys: String, CodingKey {
            case verdict, objects
            case extraData = "extra_data"
            case pcrDigest = "pcr_digest"
            case clock = "clock_info"
            case selection = "pcr_selection"
        }
    }

    let topic: String
    let expected: Expected

    /// The cases of a topic. A folder that can't be read is a case that fails.
    static func all(_ topic: String) -> [String] {
        ((try? Fixtures.folders(in: "appraisal/tpm-object")) ?? []).filter { name in
            (try? TPMObjectCase(name)).map { $0.topic == topic } ?? true
        }
    }

    init(_ name: String) throws {
        self = try JSONDecoder().decode(
            Self.self, from: Data(Fixtures.bytes("appraisal/tpm-object/\(name)/case.json")))
    }
}
