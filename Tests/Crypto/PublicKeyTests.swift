import AssayCrypto
import Bytes
import TestSupport
import Testing

@Suite("Public keys") struct PublicKeyTests {
    private func key(_ hexadecimal: String) throws -> PublicKey {
        try PublicKey(subjectPublicKeyInfo: #require([UInt8](hexadecimal: hexadecimal)))
    }

    @Test("verify what was signed, and nothing else", arguments: SignatureVector.all)
    func verify(vector: SignatureVector) throws {
        let key = try key(vector.key)
        let signature = try #require([UInt8](hexadecimal: vector.signature))
        let digest = try vector.hash.digest(of: SignatureVector.message).bytes
        func verifies(_ signature: [UInt8], _ digest: [UInt8]) -> Bool {
            key.verify(signature, ofDigest: digest, hash: vector.hash, scheme: vector.scheme)
        }
        #expect(verifies(signature, digest))
        for index in digest.indices {
            var other = digest
            other[index] ^= 1
            #expect(!verifies(signature, other))
        }
        for index in signature.indices {
            var other = signature
            other[index] ^= 0x10
            #expect(!verifies(other, digest), "byte \(index) changed")
            #expect(!verifies(Array(signature.prefix(index)), digest), "cut to \(index)")
        }
        #expect(!verifies(signature + [0], digest))
        #expect(!verifies(signature, digest + [0]))
        #expect(!verifies(signature, Array(digest.dropLast())))
        #expect(!verifies(signature, []))
    }

    @Test("verify only under the hash and scheme that made the signature", arguments: SignatureVector.all)
    func otherSchemes(vector: SignatureVector) throws {
        let key = try key(vector.key)
        let signature = try #require([UInt8](hexadecimal: vector.signature))
        let digest = try vector.hash.digest(of: SignatureVector.message)
        for scheme in [SignatureScheme.rsaPKCS1, .rsaPSS, .ecdsa] where scheme != vector.scheme {
            #expect(!key.verify(signature, ofDigest: digest.bytes, hash: vector.hash, scheme: scheme))
        }
        for hash in HashAlgorithm.allCases where hash != vector.hash {
            let digest = try hash.digest(of: SignatureVector.message)
            #expect(!key.verify(signature, ofDigest: digest.bytes, hash: hash, scheme: vector.scheme))
        }
    }

    @Test("of RSA have an odd modulus")
    func evenModulus() throws {
        var modulus = [UInt8](repeating: 0xb5, count: 256)
        #expect(try PublicKey(rsaModulus: modulus, exponent: 65_537).kind == .rsa(bits: 2048))
        modulus[255] = 0xb4
        let error = #expect(throws: CryptoError.self) { try PublicKey(rsaModulus: modulus, exponent: 65_537) }
        #expect(error?.code == .malformed)
    }

    @Test("are told apart by kind")
    func kinds() throws {
        #expect(try key(Keys.rsa).kind == .rsa(bits: 2048))
        #expect(try key(Keys.p256).kind == .ellipticCurve("prime256v1"))
        #expect(try key(Keys.secp256k1).kind == .ellipticCurve("secp256k1"))
        #expect(try key(Keys.brainpool).kind == .ellipticCurve("brainpoolP256r1"))
        #expect(try key(Keys.rsa).defaultScheme == .rsaPKCS1)
        #expect(try key(Keys.secp256k1).defaultScheme == .ecdsa)
        let other = try key(Keys.ed25519)
        #expect(other.kind == .other("ED25519"))
        #expect(other.defaultScheme == nil)
        let digest = PCRBank.sha256.digest(of: []).bytes
        for scheme in [SignatureScheme.rsaPKCS1, .rsaPSS, .ecdsa] {
            #expect(
                !other.verify(
                    [UInt8](repeating: 0, count: 64), ofDigest: digest, hash: .sha256, scheme: scheme))
        }
    }

    @Test("whose curve is spelled out as its named curve are that curve; their point may be compressed")
    func otherEncodings() throws {
        let vector = try #require(SignatureVector.all.first { $0.key == Keys.p256 && $0.hash == .sha256 })
        let signature = try #require([UInt8](hexadecimal: vector.signature))
        let digest = PCRBank.sha256.digest(of: SignatureVector.message).bytes
        for encoding in [Keys.p256Compressed, Keys.p256Explicit] {
            let key = try key(encoding)
            #expect(key.kind == .ellipticCurve("prime256v1"))
            #expect(key.verify(signature, ofDigest: digest, hash: .sha256, scheme: .ecdsa))
        }
    }

    @Test("are the same from their numbers")
    func numbers() throws {
        let rsa = try #require([UInt8](hexadecimal: Keys.rsa))
        let modulus = Array(rsa.dropLast(5).suffix(256))
        #expect(try PublicKey(rsaModulus: modulus, exponent: 65_537).subjectPublicKeyInfo == rsa)
        #expect(try PublicKey(rsaModulus: [0, 0] + modulus, exponent: 65_537).subjectPublicKeyInfo == rsa)
        for (curve, text) in [(EllipticCurve.p256, Keys.p256), (.p384, Keys.p384), (.p521, Keys.p521)] {
            let encoded = try #require([UInt8](hexadecimal: text))
            let x = encoded.suffix(2 * curve.coordinateSize).prefix(curve.coordinateSize)
            let y = encoded.suffix(curve.coordinateSize)
            #expect(try PublicKey(curve: curve, x: Array(x), y: Array(y)).subjectPublicKeyInfo == encoded)
            let trimmed = Array(x.drop { $0 == 0 })
            #expect(try PublicKey(curve: curve, x: trimmed, y: Array(y)).subjectPublicKeyInfo == encoded)
            #expect(throws: CryptoError.self) { try PublicKey(curve: curve, x: [0] + x, y: Array(y)) }
            #expect(throws: CryptoError.self) { try PublicKey(curve: curve, x: Array(y), y: Array(x)) }
        }
        #expect(throws: CryptoError.self) { try PublicKey(curve: .p256, x: [], y: []) }
    }

    @Test("are read from PEM and DER, also out of a certificate")
    func forms() throws {
        let info = try #require([UInt8](hexadecimal: Keys.p256))
        for form in [CertificateTests.pem, "0 a preamble\n" + CertificateTests.pem] {
            #expect(try PublicKey(pem: Array(form.utf8)).subjectPublicKeyInfo == info)
            #expect(try PublicKey(encoded: Array(form.utf8)).subjectPublicKeyInfo == info)
        }
        let der = try #require(PEMBlock.all(in: Array(CertificateTests.pem.utf8)).first).der
        #expect(try PublicKey(encoded: der).subjectPublicKeyInfo == info)
        #expect(try PublicKey(encoded: info).subjectPublicKeyInfo == info)
        let upstream = try PublicKey(pem: Fixtures.bytes("appraisal/quote/swtpm-rsa/ak.pem"))
        #expect(upstream.kind == .rsa(bits: 2048))
    }

    @Test("of PEM files without a key are refused")
    func badPEM() {
        let header = "-----BEGIN PUBLIC KEY-----\n"
        for text in [
            "", "no key", header, header + "AAAA\n-----END PUBLIC KEY-----\n", header + "!!\n-----END X-----\n",
        ] {
            let error = #expect(throws: CryptoError.self) { try PublicKey(pem: Array(text.utf8)) }
            #expect(error?.code == .malformed)
        }
    }

    @Test(
        "cut short, lengthened or changed never trap", arguments: [Keys.rsa, Keys.p256, Keys.secp256k1, Keys.ed25519])
    func hostile(text: String) throws {
        let bytes = try #require([UInt8](hexadecimal: text))
        let digest = PCRBank.sha256.digest(of: []).bytes
        for count in bytes.indices {
            #expect(throws: CryptoError.self) { try PublicKey(subjectPublicKeyInfo: Array(bytes.prefix(count))) }
            for change: UInt8 in [0x01, 0x80, 0xff] {
                var changed = bytes
                changed[count] ^= change
                // Either outcome is right, as long as there is one.
                let key = try? PublicKey(subjectPublicKeyInfo: changed)
                #expect(key?.verify(digest, ofDigest: digest, hash: .sha256, scheme: .ecdsa) != true)
            }
        }
        #expect(throws: CryptoError.self) { try PublicKey(subjectPublicKeyInfo: bytes + [0]) }
    }

    @Test("verify from several threads at once")
    func threads() async throws {
        let vector = SignatureVector.all[1]
        let key = try key(vector.key)
        let signature = try #require([UInt8](hexadecimal: vector.signature))
        let digest = try vector.hash.digest(of: SignatureVector.message).bytes
        let verified = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<50).count { _ in
                        key.verify(signature, ofDigest: digest, hash: vector.hash, scheme: vector.scheme)
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(verified == 200)
    }
}

@Suite("ECDSA's two numbers") struct ECDSASignatureTests {
    @Test("become DER, whatever their leading zeros")
    func encode() {
        #expect(SignatureScheme.ecdsaSignature(r: [1], s: [2]) == [0x30, 6, 2, 1, 1, 2, 1, 2])
        #expect(SignatureScheme.ecdsaSignature(r: [0, 0, 0x80], s: []) == [0x30, 7, 2, 2, 0, 0x80, 2, 1, 0])
        let long = [UInt8](repeating: 0x7f, count: 66)
        #expect(SignatureScheme.ecdsaSignature(r: long, s: long).prefix(5) == [0x30, 0x81, 136, 2, 66])
        let huge = SignatureScheme.ecdsaSignature(r: [UInt8](repeating: 1, count: 300), s: [1])
        #expect(huge.prefix(8) == [0x30, 0x82, 0x01, 0x33, 2, 0x82, 0x01, 0x2c])
    }
}
