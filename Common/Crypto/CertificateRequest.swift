internal import COpenSSL

/// A request for a certificate (PKCS #10, RFC 2986), whose sender holds the private key: it is signed with it.
///
/// What it says of names is not read: an authority decides on those itself.
package struct CertificateRequest: Hashable, Sendable {
    /// The whole request.
    package let der: [UInt8]
    /// The key that a certificate is asked for.
    package let publicKey: PublicKey

    /// Reads a request and checks its signature.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` for other bytes, bytes left over, or a signature that isn't the key's.
    package init(der: [UInt8]) throws(CryptoError) {
        let parsed = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var cursor = bytes.baseAddress
            guard let parsed = d2i_X509_REQ(nil, &cursor, bytes.count) else { return nil }
            guard cursor == bytes.baseAddress.map({ $0 + bytes.count }) else {
                X509_REQ_free(parsed)
                return nil
            }
            return parsed
        }
        guard let parsed else { throw CryptoError(.malformed, "read a certificate request") }
        defer { X509_REQ_free(parsed) }
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(parsed), &encoded)
        guard count > 0, let encoded else { throw CryptoError(.malformed, "read a certificate request's key") }
        defer { CRYPTO_free(encoded, #file, #line) }
        let info = Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
        let publicKey = try PublicKey(subjectPublicKeyInfo: info)
        guard X509_REQ_verify(parsed, publicKey.key) == 1 else {
            throw CryptoError(.malformed, "verify a certificate request's signature")
        }
        self.der = der
        self.publicKey = publicKey
    }

    /// Makes a request for a key's certificate, without a name.
    package init(for key: PrivateKey) throws(CryptoError) {
        let attempt = "make a certificate request"
        guard let request = X509_REQ_new() else { throw CryptoError(.failed, attempt) }
        defer { X509_REQ_free(request) }
        var encoded: UnsafeMutablePointer<UInt8>?
        guard X509_REQ_set_version(request, 0) == 1, X509_REQ_set_pubkey(request, key.key) == 1,
            X509_REQ_sign(request, key.key, key.signatureHash?.pointer) > 0
        else { throw CryptoError(.failed, attempt) }
        let count = i2d_X509_REQ(request, &encoded)
        guard count > 0, let encoded else { throw CryptoError(.failed, attempt) }
        defer { CRYPTO_free(encoded, #file, #line) }
        der = Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
        publicKey = key.publicKey
    }

    package static func == (left: Self, right: Self) -> Bool { left.der == right.der }

    package func hash(into hasher: inout Hasher) { hasher.combine(der) }
}
