package import AssayCrypto
import Bytes

/// A secret that only the TPM can open which holds two keys: the endorsement key that it is encrypted to, and the
/// attestation key that it names (TPM2_MakeCredential's output, computed without a TPM).
///
/// Source: TPM 2.0 Part 1, 24 (credential protection); Part 3, 12.5 and 12.6.
package struct Credential: Hashable, Sendable {
    /// TPM2B_ID_OBJECT's content: the integrity code behind its length, and the encrypted secret.
    package let credentialBlob: [UInt8]
    /// TPM2B_ENCRYPTED_SECRET's content: the seed, as the endorsement key's type protects it.
    package let encryptedSecret: [UInt8]

    /// Protects a secret, with a fresh seed.
    ///
    /// - Parameters:
    ///   - secret: not longer than a digest of the endorsement key's hash, in bytes.
    ///   - attestationKeyName: the TPM's name for the key that the secret is meant for.
    /// - Throws: ``CryptoError`` if libcrypto fails, or the secret is too long.
    package static func protecting(
        _ secret: Secret, for key: EndorsementKey, attestationKeyName: [UInt8]
    ) throws(CryptoError) -> Credential {
        switch key.kind {
        case .rsa:
            let seed = try randomBytes(key.hash.digestSize)
            let encrypted = try key.publicKey.encrypt(seed, hash: key.hash, label: Array(identity.utf8) + [0])
            let blob = try blob(secret, for: key, attestationKeyName, seed: seed)
            return Credential(credentialBlob: blob, encryptedSecret: encrypted)
        case .ellipticCurve(let curve, let x):
            return try protecting(
                secret, for: key, at: x, on: curve, attestationKeyName: attestationKeyName,
                ephemeral: PrivateKey(on: curve))
        }
    }

    /// Protects a secret for a key on a curve.
    ///
    /// - Parameters:
    ///   - x: the key's first coordinate.
    ///   - ephemeral: used for this one only, on the same curve.
    static func protecting(
        _ secret: Secret, for key: EndorsementKey, at x: [UInt8], on curve: EllipticCurve,
        attestationKeyName: [UInt8], ephemeral: PrivateKey
    ) throws(CryptoError) -> Credential {
        let own = try ephemeral.publicKey.coordinates(on: curve)
        let seed = try KeyDerivation.agreed(
            key.hash, secret: try ephemeral.sharedSecret(with: key.publicKey), label: identity, partyU: own.x,
            partyV: x)
        var point = ByteWriter()
        point.sized(by: UInt16.self, own.x)
        point.sized(by: UInt16.self, own.y)
        let blob = try blob(secret, for: key, attestationKeyName, seed: seed)
        return Credential(credentialBlob: blob, encryptedSecret: point.bytes)
    }

    private static let identity = "IDENTITY"

    private static func blob(
        _ secret: Secret, for key: EndorsementKey, _ name: [UInt8], seed: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        guard secret.bytes.count <= key.hash.digestSize else {
            throw CryptoError(.malformed, "a secret of \(secret.bytes.count) bytes is longer than the key's hash")
        }
        let cipherKey = try KeyDerivation.keyed(key.hash, key: seed, label: "STORAGE", name, bits: key.cipherBits)
        var identity = ByteWriter()
        identity.sized(by: UInt16.self, secret.bytes)
        let encrypted = try encryptAESCFB(key: cipherKey, identity.bytes)
        let integrityKey = try KeyDerivation.keyed(
            key.hash, key: seed, label: "INTEGRITY", bits: key.hash.digestSize * 8)
        let code = try key.hash.authenticationCode(key: integrityKey, encrypted + name)
        var blob = ByteWriter()
        blob.sized(by: UInt16.self, code.bytes)
        blob.raw(encrypted)
        return blob.bytes
    }
}
