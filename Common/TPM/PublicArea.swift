package import AssayCrypto

/// The public part of a TPM's asymmetric key (TPMT_PUBLIC; TPM 2.0 Part 2, 12.2.4).
package struct PublicArea: Hashable, Sendable {
    /// The key's own numbers, big-endian.
    package enum Key: Hashable, Sendable {
        /// The exponent is 65,537 where the structure says 0.
        case rsa(modulus: [UInt8], exponent: UInt32)
        /// A point on the curve of this TPM_ECC_CURVE.
        case ellipticCurve(UInt16, x: [UInt8], y: [UInt8])
    }

    /// The cipher that protects a storage key's children.
    package struct SymmetricCipher: Hashable, Sendable {
        /// `.null` for a key that has no children.
        package let algorithm: AlgorithmID
        /// 0 for `.null`.
        package let keyBits: UInt16
        /// Nil for `.null`.
        package let mode: AlgorithmID?
    }

    /// How the key signs or decrypts.
    package struct Scheme: Hashable, Sendable {
        /// `.null` if each use chooses.
        package let algorithm: AlgorithmID
        /// Nil for schemes without one.
        package let hash: AlgorithmID?
    }

    /// The hash of the key's name, and of its policy.
    package let nameAlgorithm: AlgorithmID
    /// What the key may do.
    package let attributes: ObjectAttributes
    /// The digest of the policy that authorises its use; may be empty.
    package let authPolicy: [UInt8]
    /// The cipher for its children.
    package let symmetric: SymmetricCipher
    /// How it signs or decrypts.
    package let scheme: Scheme
    /// The key.
    package let key: Key
    /// The TPMT_PUBLIC that all this was read from.
    package let marshalled: [UInt8]

    /// Reads a TPM2B_PUBLIC: two bytes of length and a TPMT_PUBLIC (what `tpm2_readpublic -f tss` writes).
    package init(tpm2bPublic bytes: [UInt8]) throws(QuoteError) {
        var reader = StructureReader(bytes.span, "TPM2B_PUBLIC")
        let area = try reader.sized(limit: Int(UInt16.max))
        try reader.finish()
        try self.init(tpmtPublic: area)
    }

    /// Reads a TPMT_PUBLIC, to its last byte.
    ///
    /// - Throws: ``QuoteError`` with `.malformed`, also for a type other than RSA and ECC.
    package init(tpmtPublic bytes: [UInt8]) throws(QuoteError) {
        var reader = StructureReader(bytes.span, "TPMT_PUBLIC")
        let type = try reader.algorithm()
        nameAlgorithm = try reader.algorithm()
        attributes = ObjectAttributes(rawValue: try reader.integer())
        authPolicy = try reader.sized(limit: TPMLimits.digest)
        guard type == .rsa || type == .ecc else { throw reader.malformed("type \(type) is neither RSA nor ECC") }
        symmetric = try reader.symmetricCipher()
        scheme = try reader.scheme()
        key = try type == .rsa ? reader.rsaKey() : reader.ellipticCurveKey()
        try reader.finish()
        marshalled = bytes
    }

    /// The key's name: the name algorithm and its digest of ``marshalled``.
    ///
    /// - Throws: ``QuoteError`` with `.badAttestationKey` for a name algorithm that is not a hash of ours.
    /// - SeeAlso: TPM 2.0 Part 1, 16.
    package func name() throws(QuoteError) -> [UInt8] {
        let digest = nameAlgorithm.hash.flatMap { try? $0.digest(of: marshalled) }
        guard let digest else {
            throw QuoteError(.badAttestationKey, "name algorithm \(nameAlgorithm) is not a hash that we know")
        }
        return withUnsafeBytes(of: nameAlgorithm.rawValue.bigEndian) { Array($0) } + digest.bytes
    }

    /// The key, decoded. It costs as much as several verifications: keep it.
    ///
    /// - Throws: ``QuoteError`` with `.badAttestationKey` for numbers that are no key, and for a curve other than
    ///   P-256, P-384 and P-521.
    package func publicKey() throws(QuoteError) -> PublicKey {
        do throws(CryptoError) {
            switch key {
            case .rsa(let modulus, let exponent): return try PublicKey(rsaModulus: modulus, exponent: exponent)
            case .ellipticCurve(let curve, let x, let y):
                guard let curve = EllipticCurve(tpmCurve: curve) else { break }
                return try PublicKey(curve: curve, x: x, y: y)
            }
        } catch { throw QuoteError(.badAttestationKey, error.description) }
        throw QuoteError(.badAttestationKey, "the curve is not P-256, P-384 or P-521")
    }
}

extension EllipticCurve {
    /// TPM_ECC_CURVE (TCG Algorithm Registry, table 4).
    fileprivate init?(tpmCurve: UInt16) {
        switch tpmCurve {
        case 0x0003: self = .p256
        case 0x0004: self = .p384
        case 0x0005: self = .p521
        default: return nil
        }
    }
}

extension StructureReader {
    /// TPMT_SYM_DEF_OBJECT.
    fileprivate mutating func symmetricCipher() throws(QuoteError) -> PublicArea.SymmetricCipher {
        let cipher = try algorithm()
        guard cipher != .null else { return PublicArea.SymmetricCipher(algorithm: .null, keyBits: 0, mode: nil) }
        let keyBits: UInt16 = try integer()
        return PublicArea.SymmetricCipher(algorithm: cipher, keyBits: keyBits, mode: try algorithm())
    }

    /// TPMT_RSA_SCHEME or TPMT_ECC_SCHEME: the numbers tell them apart.
    fileprivate mutating func scheme() throws(QuoteError) -> PublicArea.Scheme {
        let scheme = try algorithm()
        switch scheme {
        case .null, .rsaes: return PublicArea.Scheme(algorithm: scheme, hash: nil)
        case .rsassa, .rsapss, .oaep, .ecdsa, .ecdh, .sm2, .ecschnorr, .ecmqv:
            return PublicArea.Scheme(algorithm: scheme, hash: try algorithm())
        case .ecdaa:
            let hash = try algorithm()
            let _: UInt16 = try integer()  // ECDAA's commit counter
            return PublicArea.Scheme(algorithm: scheme, hash: hash)
        default: throw malformed("scheme \(scheme) is not one of an asymmetric key")
        }
    }

    fileprivate mutating func rsaKey() throws(QuoteError) -> PublicArea.Key {
        let _: UInt16 = try integer()  // key bits: the modulus tells
        let exponent: UInt32 = try integer()
        let modulus = try sized(limit: TPMLimits.rsa)
        return .rsa(modulus: modulus, exponent: exponent == 0 ? 65_537 : exponent)
    }

    fileprivate mutating func ellipticCurveKey() throws(QuoteError) -> PublicArea.Key {
        let curve: UInt16 = try integer()
        if try algorithm() != .null { _ = try algorithm() }  // the key derivation's scheme and hash
        let x = try sized(limit: TPMLimits.coordinate)
        return .ellipticCurve(curve, x: x, y: try sized(limit: TPMLimits.coordinate))
    }
}
