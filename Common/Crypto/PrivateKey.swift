internal import COpenSSL

/// A private key. It owns an `EVP_PKEY`, which may be a reference to a key that never leaves its token.
///
/// Sendable: as ``PublicKey``, the key is never changed once made, and each operation has a context of its own.
package final class PrivateKey: @unchecked Sendable {
    /// An `EVP_PKEY *`.
    let key: OpaquePointer
    /// The public half.
    package let publicKey: PublicKey

    /// Takes a key over, also when it throws.
    private init(taking key: OpaquePointer) throws(CryptoError) {
        do throws(CryptoError) {
            publicKey = try PublicKey(subjectPublicKeyInfo: try Self.info(of: key))
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
        self.key = key
    }

    deinit { EVP_PKEY_free(key) }

    /// A new key on a curve.
    package convenience init(on curve: EllipticCurve) throws(CryptoError) {
        let attempt = "make a key on \(curve)"
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil) else { throw CryptoError(.failed, attempt) }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, curve.rawValue) == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw CryptoError(.failed, attempt) }
        try self.init(taking: key)
    }

    /// The first private key of a PEM file without a passphrase.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` if there is none that can be read.
    package convenience init(pem: [UInt8]) throws(CryptoError) {
        let blocks = try PEMBlock.all(in: pem)
        guard let block = blocks.first(where: { $0.label.hasSuffix("PRIVATE KEY") }) else {
            throw CryptoError(.malformed, "no private key in the PEM file")
        }
        let key = block.der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var cursor = bytes.baseAddress
            return d2i_AutoPrivateKey(nil, &cursor, bytes.count)
        }
        guard let key else {
            throw CryptoError(.malformed, "read a private key (it must be without a passphrase)")
        }
        try self.init(taking: key)
    }

    /// The first private key that an OpenSSL provider finds under a URI, such as `pkcs11:object=assay` or `file:/path`.
    /// Which schemes there are is the matter of OpenSSL's own configuration.
    ///
    /// - Throws: ``CryptoError`` with `.unavailable` if no provider knows the scheme, or nothing is found.
    package convenience init(uri: String) throws(CryptoError) {
        let scheme = uri.prefix { $0 != ":" }
        OPENSSL_init_crypto(UInt64(OPENSSL_INIT_LOAD_CONFIG), nil)
        // UI_null: libcrypto would ask for a passphrase on the terminal.
        guard let store = OSSL_STORE_open_ex(uri, nil, nil, UI_null(), nil, nil, nil, nil) else {
            let remedy = "a provider for \"\(scheme):\" must be active in OpenSSL's configuration"
            throw CryptoError(.unavailable, "open \(Self.withoutPIN(uri)) (\(remedy))")
        }
        defer { OSSL_STORE_close(store) }
        OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY)
        guard let key = Self.firstKey(in: store) else {
            throw CryptoError(.unavailable, "find a private key that can be used at \(Self.withoutPIN(uri))")
        }
        ERR_clear_error()
        try self.init(taking: key)
    }

    /// A key's place as it may be shown: the PIN that a PKCS #11 URI can have in it (RFC 7512, `pin-value`) is left out.
    package static func withoutPIN(_ uri: String) -> String {
        uri.replacing(/(pin-value=)[^;&?#]*/.ignoresCase()) { "\($0.1)\(Secret([]))" }
    }

    private static func firstKey(in store: OpaquePointer) -> OpaquePointer? {
        while OSSL_STORE_eof(store) == 0, OSSL_STORE_error(store) == 0 {
            guard let found = OSSL_STORE_load(store) else { continue }
            defer { OSSL_STORE_INFO_free(found) }
            if OSSL_STORE_INFO_get_type(found) == OSSL_STORE_INFO_PKEY { return OSSL_STORE_INFO_get1_PKEY(found) }
        }
        return nil
    }

    /// The key as a PEM file has it: PKCS #8, without a passphrase.
    ///
    /// - Throws: ``CryptoError`` with `.failed` for a key that doesn't leave its token.
    package func pem() throws(CryptoError) -> [UInt8] {
        let attempt = "write a private key"
        guard let info = EVP_PKEY2PKCS8(key) else { throw CryptoError(.failed, attempt) }
        defer { PKCS8_PRIV_KEY_INFO_free(info) }
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_PKCS8_PRIV_KEY_INFO(info, &encoded)
        guard count > 0, let encoded else { throw CryptoError(.failed, attempt) }
        defer { CRYPTO_clear_free(encoded, Int(count), #file, #line) }
        let der = Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
        return try PEMBlock(label: "PRIVATE KEY", der: der).encoded()
    }

    /// Agrees on a secret with the owner of another key on the same curve (ECDH; SP 800-56A, 5.7.1.2).
    ///
    /// - Returns: the shared point's first coordinate, as long as the curve's coordinates.
    package func sharedSecret(with other: PublicKey) throws(CryptoError) -> [UInt8] {
        let attempt = "agree on a secret over two keys"
        guard let context = EVP_PKEY_CTX_new(key, nil) else { throw CryptoError(.failed, attempt) }
        defer { EVP_PKEY_CTX_free(context) }
        var count = 0
        guard EVP_PKEY_derive_init(context) == 1, EVP_PKEY_derive_set_peer(context, other.key) == 1,
            EVP_PKEY_derive(context, nil, &count) == 1
        else { throw CryptoError(.unsupported, attempt) }
        var secret = [UInt8](repeating: 0, count: count)
        guard EVP_PKEY_derive(context, &secret, &count) == 1, count == secret.count else {
            throw CryptoError(.failed, attempt)
        }
        return secret
    }

    /// The hash that fits the key in a signature on a certificate; nil if the algorithm has one of its own.
    var signatureHash: MessageDigest? {
        switch publicKey.kind {
        case .rsa: MessageDigest(.sha256)
        case .ellipticCurve(let name): MessageDigest(EllipticCurve(rawValue: name)?.fittingHash ?? .sha256)
        case .moduleLattice, .other: nil
        }
    }

    private static func info(of key: OpaquePointer) throws(CryptoError) -> [UInt8] {
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(key, &encoded)
        guard count > 0, let encoded else { throw CryptoError(.unsupported, "read a private key's public half") }
        defer { CRYPTO_free(encoded, #file, #line) }
        return Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
    }
}

extension EllipticCurve {
    /// The hash as strong as the curve.
    fileprivate var fittingHash: HashAlgorithm {
        switch self {
        case .p256: .sha256
        case .p384: .sha384
        case .p521: .sha512
        }
    }
}
