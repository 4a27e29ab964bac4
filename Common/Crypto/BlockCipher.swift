internal import COpenSSL

/// Encrypts with AES in cipher-feedback mode, its blocks whole (SP 800-38A, 6.3), from an initial vector of zeros, as a
/// TPM protects what belongs to a key.
///
/// - Parameter key: 16, 24 or 32 bytes, used for one message only.
/// - Throws: ``CryptoError`` with `.unsupported` for a key of another length.
package func encryptAESCFB(key: [UInt8], _ message: [UInt8]) throws(CryptoError) -> [UInt8] {
    guard [16, 24, 32].contains(key.count), let length = Int32(exactly: message.count),
        let cipher = EVP_CIPHER_fetch(nil, "AES-\(key.count * 8)-CFB", nil)
    else { throw CryptoError(.unsupported, "encrypt with AES and a key of \(key.count) bytes") }
    defer { EVP_CIPHER_free(cipher) }
    guard let context = EVP_CIPHER_CTX_new() else { throw CryptoError(.failed, "encrypt with AES") }
    defer { EVP_CIPHER_CTX_free(context) }
    let vector = [UInt8](repeating: 0, count: 16)
    var output = [UInt8](repeating: 0, count: message.count)
    var count: Int32 = 0
    guard EVP_EncryptInit_ex2(context, cipher, key, vector, nil) == 1,
        EVP_EncryptUpdate(context, &output, &count, message, length) == 1, count == length
    else { throw CryptoError(.failed, "encrypt with AES") }
    return output
}
