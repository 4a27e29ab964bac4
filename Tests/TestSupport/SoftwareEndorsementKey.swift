internal import AssayCrypto
internal import Bytes
internal import TPM

/// An endorsement key on P-256 that no TPM holds: made in software, it opens the credentials of any attestation key.
///
/// It is what an attacker has who knows a token and an agent's public keys.
package struct SoftwareEndorsementKey: Sendable {
    private let key: PrivateKey
    /// TPM2B_PUBLIC, by the TCG's template.
    package let publicArea: [UInt8]

    /// Makes a key.
    package init() throws {
        key = try PrivateKey(on: .p256)
        let template = try PublicArea(
            tpm2bPublic: Fixtures.bytes("appraisal/tpm-object/makecredential-ecc/ek.tpm2b_public")
        ).marshalled
        // The point's coordinates come last, each behind two bytes of length.
        let point = try key.publicKey.coordinates(on: .p256)
        var writer = ByteWriter()
        writer.sized(by: UInt16.self, Array(template.dropLast(68)) + [0, 32] + point.x + [0, 32] + point.y)
        publicArea = writer.bytes
    }

    /// Opens a credential, which only a TPM with both keys should (TPM 2.0 Part 1, 24).
    ///
    /// - Parameters:
    ///   - blob: TPM2B_ID_OBJECT's content.
    ///   - secret: TPM2B_ENCRYPTED_SECRET's content.
    ///   - name: the TPM's name for the attestation key.
    package func open(_ blob: [UInt8], secret: [UInt8], attestationKeyName name: [UInt8]) throws -> [UInt8] {
        var reader = ByteReader(secret.span)
        let x = try reader.sized(by: UInt16.self, limit: 32)
        let y = try reader.sized(by: UInt16.self, limit: 32)
        let ephemeral = try PublicArea(tpmtPublic: PublicAreaBytes.ellipticCurve(x: x, y: y)).publicKey()
        var agreed = ByteWriter()
        agreed.integer(UInt32(1))
        agreed.raw(try key.sharedSecret(with: ephemeral))
        agreed.raw("IDENTITY\0".utf8)
        agreed.raw(x)
        agreed.raw(try key.publicKey.coordinates(on: .p256).x)
        let seed = try HashAlgorithm.sha256.digest(of: agreed.bytes).bytes
        var derived = ByteWriter()
        derived.integer(UInt32(1))
        derived.raw("STORAGE\0".utf8)
        derived.raw(name)
        derived.integer(UInt32(128))
        let cipherKey = try HashAlgorithm.sha256.authenticationCode(key: seed, derived.bytes).bytes.prefix(16)
        var sealed = ByteReader(blob.span)
        _ = try sealed.sized(by: UInt16.self, limit: 32)
        let plain = try Self.decrypt(try sealed.array(sealed.remaining), key: Array(cipherKey))
        var identity = ByteReader(plain.span)
        return try identity.sized(by: UInt16.self, limit: 64)
    }

    /// AES in CFB mode, undone with what does it: each block's key stream is what zeros become behind the plaintext so far.
    private static func decrypt(_ bytes: [UInt8], key: [UInt8]) throws -> [UInt8] {
        var plain: [UInt8] = []
        while plain.count < bytes.count {
            let stream = try encryptAESCFB(key: key, plain + [UInt8](repeating: 0, count: 16)).suffix(16)
            plain += zip(bytes.dropFirst(plain.count), stream).map { $0 ^ $1 }
        }
        return plain
    }
}
