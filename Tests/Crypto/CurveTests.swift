import AssayCrypto
import TestSupport
import Testing

@Suite("Every curve of libcrypto") struct CurveTests {
    /// Keys on SM2's curve are for a scheme of its own. The others, libcrypto says itself, are not suitable for ECDSA.
    private static let unsuitable: Set<String> = ["SM2", "Oakley-EC2N-3", "Oakley-EC2N-4"]

    @Test("verifies its own ECDSA, and no other digest", arguments: SigningKey.curves)
    func curve(name: String) throws {
        let signer = try SigningKey(curve: name)
        let key = try PublicKey(subjectPublicKeyInfo: signer.subjectPublicKeyInfo)
        if Self.unsuitable.contains(name) {
            #expect(key.defaultScheme == nil || (try? signer.sign(LogBuilder.digest("x"), .sha256)) == nil)
            return
        }
        #expect(key.kind == .ellipticCurve(name) && key.defaultScheme == .ecdsa)
        for hash in [HashAlgorithm.sha1, .sha256, .sha512] {
            let digest = try hash.digest(of: Array(name.utf8)).bytes
            let signature = try signer.sign(digest, hash)
            #expect(key.verify(signature, ofDigest: digest, hash: hash, scheme: .ecdsa), "\(hash)")
            var other = digest
            other[0] ^= 0x80
            #expect(!key.verify(signature, ofDigest: other, hash: hash, scheme: .ecdsa), "\(hash)")
        }
    }

    @Test("is there") func some() { #expect(SigningKey.curves.count > 20) }
}
