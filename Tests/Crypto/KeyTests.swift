import AssayCrypto
import Foundation
import TestSupport
import Testing

@Suite("Private keys") struct PrivateKeyTests {
    @Test("are made, written and read again", arguments: EllipticCurve.allCases)
    func roundTrip(curve: EllipticCurve) throws {
        let key = try PrivateKey(on: curve)
        let again = try PrivateKey(pem: try key.pem())
        #expect(again.publicKey.subjectPublicKeyInfo == key.publicKey.subjectPublicKeyInfo)
        #expect(key.publicKey.kind == .ellipticCurve(curve.rawValue))
        let other = try PrivateKey(on: curve)
        #expect(other.publicKey.subjectPublicKeyInfo != key.publicKey.subjectPublicKeyInfo)
        let secret = try key.sharedSecret(with: other.publicKey)
        #expect(secret == (try other.sharedSecret(with: key.publicKey)))
        #expect(secret.count == curve.coordinateSize)
    }

    @Test("agree on no secret with a key on another curve")
    func otherCurve() throws {
        let key = try PrivateKey(on: .p256)
        let other = try PrivateKey(on: .p384)
        #expect(throws: CryptoError.self) { try key.sharedSecret(with: other.publicKey) }
        #expect(throws: CryptoError.self) { try key.publicKey.coordinates(on: .p384) }
        #expect(try key.publicKey.coordinates(on: .p256).x.count == 32)
    }

    @Test("are found through an OpenSSL provider's URI; an unknown scheme is told, and nothing is asked on a terminal")
    func providers() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let key = try PrivateKey(on: .p384)
        let path = folder.appending(path: "key.pem").path
        try Data(key.pem()).write(to: URL(filePath: path))
        let found = try PrivateKey(uri: "file:\(path)")
        #expect(found.publicKey.subjectPublicKeyInfo == key.publicKey.subjectPublicKeyInfo)

        let unknown = #expect(throws: CryptoError.self) { try PrivateKey(uri: "no-such-token:object=assay") }
        #expect(unknown?.code == .unavailable)
        #expect(unknown?.detail.contains("no-such-token") == true)
        #expect(throws: CryptoError.self) { try PrivateKey(uri: "file:\(path).missing") }

        let locked = folder.appending(path: "locked.pem").path
        try runOpenSSL([
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256", "-pass", "pass:secret",
            "-out", locked,
        ])
        #expect(throws: CryptoError.self) { try PrivateKey(uri: "file:\(locked)") }
        let text = [UInt8](try Data(contentsOf: URL(filePath: locked)))
        #expect(throws: CryptoError.self) { try PrivateKey(pem: text) }
    }

    @Test("of other bytes are refused")
    func malformed() throws {
        #expect(throws: CryptoError.self) { try PrivateKey(pem: []) }
        #expect(throws: CryptoError.self) {
            try PrivateKey(pem: Array("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".utf8))
        }
        let certificate = try authority().certificate
        #expect(throws: CryptoError.self) { try PrivateKey(pem: try certificate.pem()) }
    }
}

@Suite("RSA-OAEP, AES-CFB and HMAC") struct EncryptionTests {
    @Test("RSA-OAEP with a label is what openssl decrypts", arguments: [HashAlgorithm.sha256, .sha384])
    func oaep(hash: HashAlgorithm) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-oaep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        try runOpenSSL(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path("key")])
        let key = try PrivateKey(pem: [UInt8](try Data(contentsOf: URL(filePath: path("key")))))
        let message = Array("a seed of thirty-two bytes, just.".utf8)
        let encrypted = try key.publicKey.encrypt(message, hash: hash, label: Array("IDENTITY".utf8) + [0])
        #expect(encrypted != (try key.publicKey.encrypt(message, hash: hash, label: Array("IDENTITY".utf8) + [0])))
        try Data(encrypted).write(to: URL(filePath: path("in")))
        func decrypt(label: String) throws -> [UInt8] {
            try runOpenSSL([
                "pkeyutl", "-decrypt", "-inkey", path("key"), "-in", path("in"), "-out", path("out"), "-pkeyopt",
                "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:\(hash)", "-pkeyopt", "rsa_mgf1_md:\(hash)",
                "-pkeyopt", "rsa_oaep_label:\(label)",
            ])
            return [UInt8](try Data(contentsOf: URL(filePath: path("out"))))
        }
        #expect(try decrypt(label: "4944454e5449545900") == message)
        #expect(throws: (any Error).self) { try decrypt(label: "4944454e54495459") }
        #expect(throws: CryptoError.self) {
            try key.publicKey.encrypt([UInt8](repeating: 0, count: 256), hash: hash, label: [])
        }
        let other = try PrivateKey(on: .p256).publicKey
        #expect(throws: CryptoError.self) { try other.encrypt([1], hash: hash, label: []) }
    }

    @Test("AES-CFB: the known answer of SP 800-38A's key on a zero vector, and lengths that are no whole blocks")
    func cipher() throws {
        // AES-128 of a zero block under the zero key (FIPS 197's cipher; NIST AESAVS, GFSbox shape).
        let zeros = [UInt8](repeating: 0, count: 16)
        let block = try encryptAESCFB(key: zeros, zeros)
        #expect(block.map { String($0, radix: 16) }.joined(separator: " ").hasPrefix("66 e9 4b d4 ef 8a 2c 3b"))
        #expect(try encryptAESCFB(key: zeros, Array(zeros.prefix(5))) == Array(block.prefix(5)))
        #expect(try encryptAESCFB(key: zeros + zeros, zeros) != block)
        #expect(try encryptAESCFB(key: zeros, []).isEmpty)
        #expect(throws: CryptoError.self) { try encryptAESCFB(key: Array(zeros.prefix(15)), zeros) }
    }

    @Test("HMAC: RFC 4231's second case for each hash")
    func authenticationCodes() throws {
        let key = Array("Jefe".utf8)
        let text = Array("what do ya want for nothing?".utf8)
        #expect(try HashAlgorithm.sha256.authenticationCode(key: key, text).description.hasPrefix("5bdcc146bf60754e"))
        #expect(try HashAlgorithm.sha384.authenticationCode(key: key, text).description.hasPrefix("af45d2e376484031"))
        #expect(try HashAlgorithm.sha512.authenticationCode(key: key, text).description.hasPrefix("164b7a7bfcf819e2"))
    }
}

/// A new authority.
func authority(at time: Int64 = 1_700_000_000, key: PrivateKey? = nil) throws -> CertificateAuthority {
    try CertificateAuthority(
        key: try key ?? PrivateKey(on: .p256),
        template: CertificateTemplate(
            commonName: "An authority", purpose: .authority, notBefore: time, notAfter: time + 315_360_000))
}
