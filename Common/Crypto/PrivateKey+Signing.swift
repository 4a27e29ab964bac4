internal import COpenSSL

extension PrivateKey {
    /// Signs a digest: PKCS#1 v1.5 for RSA, ECDSA in DER.
    ///
    /// - Throws: ``CryptoError`` with `.unsupported` for a key of another kind.
    package func sign(_ digest: Digest, _ hash: HashAlgorithm) throws(CryptoError) -> [UInt8] {
        let attempt = "sign with this key"
        guard publicKey.defaultScheme != nil, let implementation = MessageDigest(hash),
            let context = EVP_PKEY_CTX_new(key, nil)
        else { throw CryptoError(.unsupported, attempt) }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_sign_init(context) == 1, EVP_PKEY_CTX_set_signature_md(context, implementation.pointer) == 1
        else { throw CryptoError(.unsupported, attempt) }
        var signature = [UInt8](repeating: 0, count: max(0, Int(EVP_PKEY_get_size(key))))
        var count = signature.count
        let input = digest.bytes
        guard EVP_PKEY_sign(context, &signature, &count, input, input.count) == 1, count <= signature.count else {
            throw CryptoError(.failed, attempt)
        }
        return Array(signature.prefix(count))
    }
}
