internal import COpenSSL

/// Compares without telling by the time taken where the first difference is. The lengths aren't secret.
package func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}

/// Bytes from libcrypto's generator, fit for nonces and keys.
package func randomBytes(_ count: Int) throws(CryptoError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    guard let length = Int32(exactly: count), RAND_bytes(&bytes, length) == 1 else {
        throw CryptoError(.failed, "draw \(count) random bytes")
    }
    return bytes
}

extension HashAlgorithm {
    /// HMAC with this hash (RFC 2104).
    ///
    /// - Throws: ``CryptoError`` with `.unavailable` if this libcrypto lacks the hash.
    package func authenticationCode(key: [UInt8], _ message: [UInt8]) throws(CryptoError) -> Digest {
        guard let implementation = MessageDigest(self) else {
            throw CryptoError(.unavailable, "this libcrypto has no \(self)")
        }
        var code = [UInt8](repeating: 0, count: digestSize)
        guard let length = Int32(exactly: key.count),
            HMAC(implementation.pointer, key, length, message, message.count, &code, nil) != nil,
            let digest = Digest(code)
        else { throw CryptoError(.failed, "compute an HMAC") }
        return digest
    }
}
