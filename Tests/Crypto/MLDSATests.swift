import AssayCrypto
import Bytes
import TestSupport
import Testing

@Suite("ML-DSA") struct MLDSATests {
    @Test("is there from OpenSSL 3.5 on, all of it or none") func available() throws {
        let numbers = Libcrypto.version.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        let version = try #require(numbers.count == 2 ? numbers[0] * 100 + numbers[1] : nil)
        #expect(MLDSA.available == (version >= 305 ? MLDSA.allCases : []))
        for set in MLDSA.allCases { #expect(set.isAvailable == MLDSA.available.contains(set)) }
        #expect(MLDSA.requirement.contains(Libcrypto.version))
    }

    @Test("is told from other keys by its identifier") func identifiers() throws {
        for set in MLDSA.allCases {
            let certificate = try Fixtures.bytes("generated/ml-dsa/\(set.rawValue.suffix(2))/certificate.der")
            let info = try Certificate(der: certificate).subjectPublicKeyInfo
            #expect(MLDSA(subjectPublicKeyInfo: info) == set)
            for count in 0..<20 { #expect(MLDSA(subjectPublicKeyInfo: Array(info.prefix(count))) == nil) }
            #expect(MLDSA(signatureBytes: set.signatureBytes) == set)
        }
        #expect(try MLDSA(subjectPublicKeyInfo: SigningKey(curve: "prime256v1").subjectPublicKeyInfo) == nil)
        #expect(MLDSA(signatureBytes: 256) == nil)
    }

    @Test("verifies the message alone, where it is there", arguments: MLDSA.available) func verify(set: MLDSA) throws {
        let folder = "generated/ml-dsa/\(set.rawValue.suffix(2))"
        let key = try Certificate(der: Fixtures.bytes("\(folder)/certificate.der")).publicKey()
        let signature = Array(try Fixtures.bytes("\(folder)/file").dropFirst(9))
        let hash: (HashAlgorithm, UInt8) =
            switch set {
            case .mlDSA44: (.sha256, 4)
            case .mlDSA65: (.sha384, 5)
            case .mlDSA87: (.sha512, 6)
            }
        let message = [3, hash.1] + (try hash.0.digest(of: Array("content".utf8)).bytes)
        func verifies(_ signature: [UInt8], _ message: [UInt8]) -> Bool {
            key.verify(signature.span, ofMessage: message.span)
        }
        #expect(verifies(signature, message))
        #expect(!verifies(signature, message + [0]) && !verifies(signature, []))
        #expect(!verifies(Array(signature.dropLast()), message) && !verifies([], message))
    }
}
