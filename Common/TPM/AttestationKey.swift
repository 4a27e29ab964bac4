package import AssayCrypto

/// A key whose quotes are believed: the requirements on an attestation key hold, or the operator vouches for it.
package struct AttestationKey: Sendable {
    /// What the key's quotes must be signed with.
    enum RequiredScheme: Hashable {
        /// Any scheme that fits the key: a bare public key doesn't say.
        case any
        /// This one; it stands in the key's public area.
        case fixed(SignatureScheme, HashAlgorithm)
    }

    /// The key.
    package let publicKey: PublicKey
    /// The TPM's name for it; empty for a bare public key, which has none.
    package let name: [UInt8]
    /// Whether it is a bare public key: nothing tells that it is a TPM's, and restricted.
    package var isBare: Bool { name.isEmpty }
    /// Whether its name is made with SHA-1.
    package var isNamedBySHA1: Bool { name.starts(with: [0x00, 0x04]) }
    let requiredScheme: RequiredScheme

    /// Takes a public area whose attributes and numbers make it fit to attest; for enrolment, and again for each load
    /// from a store.
    ///
    /// - Parameter allowsSHA1: whether the hash of its scheme and of its name may be SHA-1: for old evidence alone.
    /// - Throws: ``QuoteError`` with `.badAttestationKey`, naming the attribute.
    package init(publicArea area: PublicArea, allowsSHA1: Bool = false) throws(QuoteError) {
        try Self.checkAttributes(area.attributes)
        guard area.symmetric.algorithm == .null else {
            throw QuoteError(.badAttestationKey, "it has a symmetric cipher, as storage keys do")
        }
        name = try area.name()
        requiredScheme = try Self.scheme(of: area)
        if !allowsSHA1 { try Self.checkHashes(of: area) }
        publicKey = try area.publicKey()
        try Self.checkStrength(publicKey, area.key)
    }

    /// Takes a bare public key, on the operator's word.
    package init(publicKey: PublicKey) {
        self.publicKey = publicKey
        name = []
        requiredScheme = .any
    }

    private static func checkAttributes(_ attributes: ObjectAttributes) throws(QuoteError) {
        let required: [(ObjectAttributes, String)] = [
            (.fixedTPM, "fixedTPM"), (.fixedParent, "fixedParent"), (.sensitiveDataOrigin, "sensitiveDataOrigin"),
            (.restricted, "restricted"), (.sign, "sign"),
        ]
        for (attribute, name) in required where !attributes.contains(attribute) {
            throw QuoteError(.badAttestationKey, "\(name) is not set")
        }
        for (attribute, name) in [
            (ObjectAttributes.decrypt, "decrypt"), (.encryptedDuplication, "encryptedDuplication"),
        ]
        where attributes.contains(attribute) {
            throw QuoteError(.badAttestationKey, "\(name) is set")
        }
    }

    private static func scheme(of area: PublicArea) throws(QuoteError) -> RequiredScheme {
        guard let scheme = area.scheme.algorithm.signatureScheme else {
            throw QuoteError(
                .badAttestationKey, "its scheme \(area.scheme.algorithm) is not fixed to RSASSA, RSAPSS or ECDSA")
        }
        switch (area.key, scheme) {
        case (.rsa, .rsaPKCS1), (.rsa, .rsaPSS), (.ellipticCurve, .ecdsa): break
        case (.rsa, .ecdsa), (.ellipticCurve, .rsaPKCS1), (.ellipticCurve, .rsaPSS):
            throw QuoteError(.badAttestationKey, "its scheme \(area.scheme.algorithm) doesn't fit its type")
        }
        guard let hash = area.scheme.hash?.hash, PCRBank(hash) != nil else {
            throw QuoteError(.badAttestationKey, "its scheme's hash is not SHA-1, SHA-256, SHA-384 or SHA-512")
        }
        return .fixed(scheme, hash)
    }

    /// Whoever finds two keys of one name, or two quotes of one digest, has one vouched for by the other.
    private static func checkHashes(of area: PublicArea) throws(QuoteError) {
        guard area.scheme.hash != .sha1 else { throw QuoteError(.badAttestationKey, "it signs with SHA-1") }
        guard area.nameAlgorithm != .sha1 else { throw QuoteError(.badAttestationKey, "its name is made with SHA-1") }
    }

    /// An exponent of 1 would let anybody sign; TPMs take primes over 65,536 only (TPM 2.0 Part 2, 12.2.3.5).
    private static func checkStrength(_ publicKey: PublicKey, _ key: PublicArea.Key) throws(QuoteError) {
        switch (publicKey.kind, key) {
        case (.rsa(let bits), .rsa(_, let exponent)):
            guard bits >= 2_048 else { throw QuoteError(.badAttestationKey, "RSA with \(bits) bits, under 2048") }
            guard exponent >= 65_537, !exponent.isMultiple(of: 2) else {
                throw QuoteError(.badAttestationKey, "RSA with exponent \(exponent)")
            }
        case (.ellipticCurve, .ellipticCurve): break
        default: throw QuoteError(.badAttestationKey, "libcrypto reads it as a key of another type")
        }
    }
}
