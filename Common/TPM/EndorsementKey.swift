package import AssayCrypto

/// A key to which a credential can be encrypted: its public area is that of a restricted decryption key that can't
/// leave its TPM.
///
/// Only a certificate of the TPM's maker tells that there is a genuine TPM around it; the area merely claims so.
package struct EndorsementKey: Sendable {
    /// What its seed is protected with.
    enum Kind: Sendable {
        case rsa
        /// The point's coordinates are as long as the curve's.
        case ellipticCurve(EllipticCurve, x: [UInt8])
    }

    /// The key.
    package let publicKey: PublicKey
    /// The TPM's name for it.
    package let name: [UInt8]
    /// The hash that derives everything: the key's own, whatever the attestation key's.
    let hash: HashAlgorithm
    /// Length of the AES key that encrypts a credential, in bits.
    let cipherBits: Int
    let kind: Kind

    /// Takes a public area.
    ///
    /// - Throws: ``EndorsementKeyError`` for one that isn't a restricted decryption key with AES in CFB mode, of RSA
    ///   with 2048 bits at least or of P-256, P-384 or P-521.
    package init(publicArea area: PublicArea) throws(EndorsementKeyError) {
        let required: ObjectAttributes = [.fixedTPM, .fixedParent, .sensitiveDataOrigin, .restricted, .decrypt]
        guard area.attributes.isSuperset(of: required), !area.attributes.contains(.sign) else {
            throw EndorsementKeyError(
                "its attributes aren't those of a restricted decryption key that stays in its TPM")
        }
        guard let hash = area.nameAlgorithm.hash, [.sha256, .sha384, .sha512].contains(hash) else {
            throw EndorsementKeyError("its name algorithm \(area.nameAlgorithm) is not SHA-256, SHA-384 or SHA-512")
        }
        guard area.symmetric.algorithm == .aes, area.symmetric.mode == .cfb,
            [128, 192, 256].contains(area.symmetric.keyBits)
        else { throw EndorsementKeyError("its symmetric cipher is not AES in CFB mode") }
        self.hash = hash
        cipherBits = Int(area.symmetric.keyBits)
        do throws(QuoteError) {
            publicKey = try area.publicKey()
            name = try area.name()
        } catch {
            throw EndorsementKeyError(error.detail)
        }
        kind = try Self.kind(of: area.key, publicKey)
    }

    private static func kind(
        of key: PublicArea.Key, _ publicKey: PublicKey
    ) throws(EndorsementKeyError) -> Kind {
        switch (key, publicKey.kind) {
        case (.rsa(_, let exponent), .rsa(let bits)):
            guard bits >= 2048, exponent >= 65_537, !exponent.isMultiple(of: 2) else {
                throw EndorsementKeyError("RSA with \(bits) bits and exponent \(exponent) is too weak")
            }
            return .rsa
        case (.ellipticCurve(_, let x, _), .ellipticCurve(let name)):
            guard let curve = EllipticCurve(rawValue: name), x.count <= curve.coordinateSize else { break }
            return .ellipticCurve(curve, x: [UInt8](repeating: 0, count: curve.coordinateSize - x.count) + x)
        default: break
        }
        throw EndorsementKeyError("it is neither RSA nor on P-256, P-384 or P-521")
    }
}

/// Why a public area is not an endorsement key that a credential can be made for.
package struct EndorsementKeyError: Error, Hashable, CustomStringConvertible {
    /// What was found and what was expected.
    package let detail: String

    init(_ detail: String) {
        self.detail = detail
    }

    /// What the operator can do.
    package var remedy: String {
        "use a key of the TCG's EK templates: RSA 2048 or P-256 with AES-128, or a larger one"
    }

    package var description: String { "the endorsement key is refused: \(detail); \(remedy)" }
}
