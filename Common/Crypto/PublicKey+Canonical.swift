internal import COpenSSL

extension PublicKey {
    /// A key's canonical SubjectPublicKeyInfo; nil if libcrypto can't write the key.
    static func canonical(_ key: OpaquePointer) -> [UInt8]? {
        defer { ERR_clear_error() }
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_EC else { return encoded(key) }
        // A copy, since the key itself is never changed once made.
        guard let copy = EVP_PKEY_dup(key) else { return nil }
        defer { EVP_PKEY_free(copy) }
        EVP_PKEY_set_utf8_string_param(copy, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed")
        EVP_PKEY_set_utf8_string_param(copy, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP)
        return encoded(copy)
    }

    private static func encoded(_ key: OpaquePointer) -> [UInt8]? {
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(key, &encoded)
        guard count > 0, let encoded else { return nil }
        defer { CRYPTO_free(encoded, #file, #line) }
        return Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
    }
}
