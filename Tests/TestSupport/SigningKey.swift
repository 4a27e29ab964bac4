package import AssayCrypto
internal import COpenSSL
package import Foundation

/// A private key of a test's own, to sign what a test needs signed.
///
/// Sendable: the key is never changed once made, and each signature has a context of its own.
package final class SigningKey: @unchecked Sendable {
    let key: OpaquePointer

    /// Which call of libcrypto failed.
    package struct Failure: Error {
        /// Its name.
        package let call: String
    }

    /// A key on a named curve.
    package convenience init(curve: String) throws {
        try self.init("EC") { EVP_PKEY_CTX_set_group_name($0, curve) == 1 }
    }

    /// An RSA key.
    package convenience init(rsaBits bits: Int32) throws {
        try self.init("RSA") { EVP_PKEY_CTX_set_rsa_keygen_bits($0, bits) == 1 }
    }

    private init(_ algorithm: String, _ choose: (OpaquePointer) -> Bool) throws {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, algorithm, nil) else {
            throw Failure(call: "EVP_PKEY_CTX_new_from_name")
        }
        defer { EVP_PKEY_CTX_free(context) }
        var generated: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, choose(context), EVP_PKEY_generate(context, &generated) == 1,
            let generated
        else { throw Failure(call: "EVP_PKEY_generate") }
        key = generated
    }

    deinit {
        EVP_PKEY_free(key)
    }

    /// The names of the curves that libcrypto has.
    package static let curves: [String] = {
        var curves = [EC_builtin_curve](repeating: EC_builtin_curve(), count: EC_get_builtin_curves(nil, 0))
        EC_get_builtin_curves(&curves, curves.count)
        return curves.compactMap { OBJ_nid2sn($0.nid).map { String(cString: $0) } }
    }()

    /// The public key in DER.
    package var subjectPublicKeyInfo: [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(key, &bytes)
        guard count > 0, let bytes else { return [] }
        defer { CRYPTO_free(bytes, #file, #line) }
        return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }

    /// Signs a digest: PKCS#1 v1.5 for RSA, ECDSA in DER.
    package func sign(_ digest: [UInt8], _ hash: HashAlgorithm) throws -> [UInt8] {
        guard let context = EVP_PKEY_CTX_new(key, nil) else { throw Failure(call: "EVP_PKEY_CTX_new") }
        defer { EVP_PKEY_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key)))
        var count = signature.count
        guard EVP_PKEY_sign_init(context) == 1,
            EVP_PKEY_CTX_set_signature_md(context, EVP_get_digestbyname(hash.description)) == 1,
            EVP_PKEY_sign(context, &signature, &count, digest, digest.count) == 1
        else { throw Failure(call: "EVP_PKEY_sign") }
        return Array(signature.prefix(count))
    }

    /// The signature as security.ima or security.evm holds it: a header of nine bytes in front.
    ///
    /// - Parameters:
    ///   - type: 3 for a file, 5 for its metadata, 6 for its fs-verity digest.
    ///   - version: 2 signs the digest, 3 signs it with type and hash in front.
    ///   - id: of the key, where it isn't of SHA-1 over its bits.
    package func blob(
        _ type: UInt8, over digest: [UInt8], _ hash: HashAlgorithm = .sha256, version: UInt8 = 2, id: KeyID? = nil
    ) throws -> [UInt8] {
        let number: UInt8 =
            switch hash {
            case .sha1: 2
            case .sha384: 5
            case .sha512: 6
            default: 4
            }
        let signed = version == 3 ? try hash.digest(of: [type, number] + digest).bytes : digest
        let signature = try sign(signed, hash)
        let id = try (id ?? PublicKey(subjectPublicKeyInfo: subjectPublicKeyInfo).keyID).value
        let idBytes = withUnsafeBytes(of: id.bigEndian) { Array($0) }
        return [type, version, number] + idBytes
            + [UInt8(truncatingIfNeeded: signature.count >> 8), UInt8(truncatingIfNeeded: signature.count)] + signature
    }

    /// Writes the private key as PEM.
    package func write(to file: URL) throws {
        guard let output = BIO_new_file(file.path, "w") else { throw Failure(call: "BIO_new_file") }
        defer { BIO_free(output) }
        guard PEM_write_bio_PrivateKey(output, key, nil, nil, 0, nil, nil) == 1 else {
            throw Failure(call: "PEM_write_bio_PrivateKey")
        }
    }
}
