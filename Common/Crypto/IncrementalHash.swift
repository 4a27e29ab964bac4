internal import COpenSSL

/// A digest of bytes that come piece by piece. It owns an `EVP_MD_CTX`.
package struct IncrementalHash: ~Copyable {
    private let context: OpaquePointer
    private let algorithm: HashAlgorithm
    private var failed = false

    /// Starts empty.
    ///
    /// - Throws: ``CryptoError`` with `.unavailable` if this libcrypto lacks the hash.
    package init(_ algorithm: HashAlgorithm) throws(CryptoError) {
        guard let implementation = MessageDigest(algorithm) else {
            throw CryptoError(.unavailable, "this libcrypto has no \(algorithm)")
        }
        guard let context = EVP_MD_CTX_new() else { throw CryptoError(.failed, "allocate a hash context") }
        guard EVP_DigestInit_ex2(context, implementation.pointer, nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw CryptoError(.failed, "start \(algorithm)")
        }
        self.context = context
        self.algorithm = algorithm
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes. A failure of libcrypto is kept, and ``finish()`` throws it.
    package mutating func update(_ bytes: Span<UInt8>) {
        let context = context
        let succeeded = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1 }
        failed = failed || !succeeded
    }

    /// The digest of everything added.
    package consuming func finish() throws(CryptoError) -> Digest {
        var succeeded = !failed
        let context = context
        let digest = Digest(count: algorithm.digestSize) { output in
            let bytes = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            succeeded = EVP_DigestFinal_ex(context, bytes, nil) == 1 && succeeded
        }
        guard succeeded else { throw CryptoError(.failed, "hash with \(algorithm)") }
        return digest
    }
}
