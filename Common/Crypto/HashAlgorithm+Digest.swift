internal import COpenSSL

extension HashAlgorithm {
    /// Whether this libcrypto has the hash.
    package var isAvailable: Bool { MessageDigest(self) != nil }

    /// The digest of bytes.
    ///
    /// - Throws: ``CryptoError`` with `.unavailable`; never for SHA-1, SHA-256, SHA-384 and SHA-512.
    package func digest(of bytes: Span<UInt8>) throws(CryptoError) -> Digest {
        if let bank = PCRBank(self) { return bank.digest(of: bytes) }
        guard let implementation = MessageDigest(self) else {
            throw CryptoError(.unavailable, "this libcrypto has no \(self)")
        }
        var succeeded = false
        let digest = Digest(count: digestSize) { output in
            succeeded = bytes.withUnsafeBytes { input in
                EVP_Digest(
                    input.baseAddress, input.count, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil,
                    implementation.pointer, nil) == 1
            }
        }
        guard succeeded else { throw CryptoError(.failed, "hash with \(self)") }
        return digest
    }

    /// The digest of bytes.
    ///
    /// - Throws: ``CryptoError`` with `.unavailable`; never for SHA-1, SHA-256, SHA-384 and SHA-512.
    package func digest(of bytes: [UInt8]) throws(CryptoError) -> Digest {
        try digest(of: bytes.span)
    }

    /// The digest of several parts, one behind the other.
    package func digest(of parts: [[UInt8]]) throws(CryptoError) -> Digest {
        var hash = try IncrementalHash(self)
        for part in parts { hash.update(part.span) }
        return try hash.finish()
    }
}
