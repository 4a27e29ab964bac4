internal import COpenSSL

extension PublicKey {
    /// Encrypts a short message for the owner of an RSA key (RSAES-OAEP; RFC 8017, 7.1), the hash serving for the mask
    /// too. The padding is random.
    ///
    /// - Parameter label: as it is hashed: a TPM counts the NUL behind its labels.
    /// - Throws: ``CryptoError`` with `.unsupported` for another type of key, `.failed` for a message that is too long.
    package func encrypt(
        _ message: [UInt8], hash: HashAlgorithm, label: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        guard case .rsa(let bits) = kind, let implementation = MessageDigest(hash) else {
            throw CryptoError(.unsupported, "encrypt for a key that isn't RSA, or with \(hash)")
        }
        guard let context = EVP_PKEY_CTX_new(key, nil) else { throw CryptoError(.failed, "encrypt with RSA") }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_encrypt_init(context) == 1,
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1,
            EVP_PKEY_CTX_set_rsa_oaep_md(context, implementation.pointer) == 1,
            EVP_PKEY_CTX_set_rsa_mgf1_md(context, implementation.pointer) == 1,
            Self.setLabel(label, context)
        else { throw CryptoError(.failed, "choose RSA-OAEP with \(hash)") }
        var output = [UInt8](repeating: 0, count: (bits + 7) / 8)
        var count = output.count
        guard EVP_PKEY_encrypt(context, &output, &count, message, message.count) == 1, count == output.count else {
            throw CryptoError(.failed, "encrypt \(message.count) bytes with RSA")
        }
        return output
    }

    /// The context takes the copy over if it accepts it.
    private static func setLabel(_ label: [UInt8], _ context: OpaquePointer) -> Bool {
        guard !label.isEmpty else { return true }
        guard let length = Int32(exactly: label.count),
            let copy = CRYPTO_memdup(label, label.count, #file, #line)
        else { return false }
        guard EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, length) == 1 else {
            CRYPTO_free(copy, #file, #line)
            return false
        }
        return true
    }
}
