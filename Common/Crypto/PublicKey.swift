internal import COpenSSL

/// A public key of any type, decoded once: decoding costs six times a verification. It owns an `EVP_PKEY`.
///
/// Sendable: the key is never changed once made; libcrypto counts its references and locks its caches, and no two
/// verifications at once share a context.
package final class PublicKey: @unchecked Sendable {
    /// What kind of key it is.
    package enum Kind: Hashable, Sendable {
        /// RSA, with the modulus's length in bits.
        case rsa(bits: Int)
        /// A point on a named curve, under libcrypto's name for it, such as `prime256v1`.
        case ellipticCurve(String)
        /// A module-lattice key (FIPS 204).
        case moduleLattice(MLDSA)
        /// A key that verifies nothing here, under libcrypto's name for its algorithm.
        case other(String)
    }

    /// What kind of key it is.
    package let kind: Kind
    /// The key as an X.509 SubjectPublicKeyInfo in DER, as it was given.
    package let subjectPublicKeyInfo: [UInt8]
    /// SHA-256 of the key's one canonical SubjectPublicKeyInfo: DER, a named curve, an uncompressed point. A point can be
    /// written compressed, too, under which the same key must not pass for another one; for a key written as usual, it
    /// is the SHA-256 of ``subjectPublicKeyInfo``.
    package let fingerprint: Digest
    /// The id from SHA-1 over the subjectPublicKey bits (RFC 5280, 4.2.1.2, method 1).
    package let keyID: KeyID

    /// An `EVP_PKEY *`.
    let key: OpaquePointer
    private let contexts = VerificationContexts()

    /// Decodes a SubjectPublicKeyInfo.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` for other bytes or bytes left over, `.unsupported` for an algorithm
    ///   that this libcrypto doesn't know or a key that it refuses (a point off its curve).
    package init(subjectPublicKeyInfo bytes: [UInt8]) throws(CryptoError) {
        let decoded = try Self.decode(bytes)
        key = decoded.key
        kind = Self.kind(of: decoded.key)
        subjectPublicKeyInfo = bytes
        fingerprint = PCRBank.sha256.digest(of: Self.canonical(decoded.key) ?? bytes)
        keyID = decoded.id
    }

    deinit { EVP_PKEY_free(key) }

    /// The scheme under which the kernel checks such a key's signatures of digests; nil if none of ours.
    package var defaultScheme: SignatureScheme? {
        switch kind {
        case .rsa: .rsaPKCS1
        case .ellipticCurve: .ecdsa
        case .moduleLattice, .other: nil
        }
    }

    /// Whether the key can verify anything here, of a digest or of a message.
    package var isUsable: Bool {
        switch kind {
        case .rsa, .ellipticCurve, .moduleLattice: true
        case .other: false
        }
    }

    /// Whether this key made the signature over the message itself, in a scheme that doesn't hash it first: ML-DSA, pure
    /// and with an empty context (FIPS 204, 5.3). False for keys of other kinds.
    ///
    /// May be called from several threads at once.
    package func verify(_ signature: Span<UInt8>, ofMessage message: Span<UInt8>) -> Bool {
        guard case .moduleLattice = kind, let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        guard EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, key, nil) == 1 else { return false }
        return signature.withUnsafeBufferPointer { signature in
            message.withUnsafeBufferPointer { message in
                EVP_DigestVerify(context, signature.baseAddress, signature.count, message.baseAddress, message.count)
                    == 1
            }
        }
    }

    /// Whether this key made the signature over the digest. False for whatever doesn't verify; bad input is no error.
    ///
    /// May be called from several threads at once.
    package func verify(
        _ signature: Span<UInt8>, ofDigest digest: Span<UInt8>, hash: HashAlgorithm, scheme: SignatureScheme
    ) -> Bool {
        guard isUsable(with: scheme), digest.count == hash.digestSize else { return false }
        let isGood = contexts.with(key, scheme, hash) { context in
            signature.withUnsafeBufferPointer { signature in
                digest.withUnsafeBufferPointer { digest in
                    EVP_PKEY_verify(
                        context, signature.baseAddress, signature.count, digest.baseAddress, digest.count) == 1
                }
            }
        }
        // A good signature leaves no error behind.
        if isGood != true { ERR_clear_error() }
        return isGood ?? false
    }

    /// As above, over arrays.
    package func verify(
        _ signature: [UInt8], ofDigest digest: [UInt8], hash: HashAlgorithm, scheme: SignatureScheme
    ) -> Bool {
        verify(signature.span, ofDigest: digest.span, hash: hash, scheme: scheme)
    }

    private func isUsable(with scheme: SignatureScheme) -> Bool {
        switch (kind, scheme) {
        case (.rsa, .rsaPKCS1), (.rsa, .rsaPSS), (.ellipticCurve, .ecdsa): true
        case (.rsa, .ecdsa), (.ellipticCurve, .rsaPKCS1), (.ellipticCurve, .rsaPSS),
            (.moduleLattice, _), (.other, _):
            false
        }
    }
}

extension PublicKey {
    /// The id of a key that libcrypto may not know, from SHA-1 over its subjectPublicKey bits.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` for other bytes.
    package static func keyID(ofSubjectPublicKeyInfo bytes: [UInt8]) throws(CryptoError) -> KeyID {
        guard let info = info(bytes) else { throw CryptoError(.malformed, "read a public key") }
        defer { X509_PUBKEY_free(info) }
        guard let id = keyID(of: info) else { throw CryptoError(.malformed, "read a public key's bits") }
        return id
    }

    private static func info(_ bytes: [UInt8]) -> OpaquePointer? {
        bytes.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var cursor = bytes.baseAddress
            guard let info = d2i_X509_PUBKEY(nil, &cursor, bytes.count) else { return nil }
            guard cursor == bytes.baseAddress.map({ $0 + bytes.count }) else {
                X509_PUBKEY_free(info)
                return nil
            }
            return info
        }
    }

    private static func decode(_ bytes: [UInt8]) throws(CryptoError) -> (key: OpaquePointer, id: KeyID) {
        guard let info = info(bytes) else { throw CryptoError(.malformed, "read a public key") }
        defer { X509_PUBKEY_free(info) }
        guard let id = keyID(of: info) else { throw CryptoError(.malformed, "read a public key's bits") }
        guard let key = X509_PUBKEY_get(info) else { throw CryptoError(.unsupported, "use a public key") }
        return (key, id)
    }

    private static func keyID(of info: OpaquePointer) -> KeyID? {
        var bits: UnsafePointer<UInt8>?
        var count: Int32 = 0
        guard X509_PUBKEY_get0_param(nil, &bits, &count, nil, info) == 1, let bits else { return nil }
        let digest = PCRBank.sha1.digest(of: UnsafeRawBufferPointer(start: bits, count: Int(count)))
        return KeyID(lastBytesOf: digest.bytes)
    }

    private static func kind(of key: OpaquePointer) -> Kind {
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_RSA: return .rsa(bits: Int(EVP_PKEY_get_bits(key)))
        case EVP_PKEY_EC:
            var name = [CChar](repeating: 0, count: 80)
            guard EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1 else {
                ERR_clear_error()
                return .other("EC without a named curve")
            }
            return .ellipticCurve(name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" })
        default:
            let name = EVP_PKEY_get0_type_name(key).map { String(cString: $0) } ?? "unknown"
            return MLDSA(rawValue: name).map(Kind.moduleLattice) ?? .other(name)
        }
    }
}
