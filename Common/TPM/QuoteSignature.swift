package import AssayCrypto

/// A signature as a TPM gives it (TPMT_SIGNATURE; TPM 2.0 Part 2, 11.3.4).
package struct QuoteSignature: Hashable, Sendable {
    /// How it was made; what Assay doesn't verify is refused when it is read.
    package let scheme: SignatureScheme
    /// The hash of what was signed.
    package let hash: HashAlgorithm
    /// The signature as ``PublicKey`` takes it: RSA's bytes, or ECDSA's two numbers in DER.
    package let bytes: [UInt8]

    /// A signature without the structure around it, as `tpm2_quote -f plain` writes it.
    init(plain bytes: [UInt8], scheme: SignatureScheme, hash: HashAlgorithm) {
        self.scheme = scheme
        self.hash = hash
        self.bytes = bytes
    }

    /// Whether bytes look like what a key of this kind makes, without the structure around it: as long as an RSA key's
    /// modulus, or a DER SEQUENCE to the last byte.
    static func isPlain(_ bytes: [UInt8], of kind: PublicKey.Kind) -> Bool {
        switch kind {
        case .rsa(let bits): bytes.count == (bits + 7) / 8
        case .ellipticCurve:
            bytes.starts(with: [0x30, UInt8(clamping: bytes.count - 2)])
                || bytes.starts(with: [0x30, 0x81, UInt8(clamping: bytes.count - 3)])
        case .moduleLattice, .other: false
        }
    }

    /// Reads a signature, to its last byte.
    ///
    /// - Throws: ``QuoteError`` with `.malformed`, also for another scheme than RSASSA, RSAPSS and ECDSA.
    package init(_ bytes: [UInt8]) throws(QuoteError) {
        var reader = StructureReader(bytes.span, "TPMT_SIGNATURE")
        let algorithm = try reader.algorithm()
        guard let scheme = algorithm.signatureScheme else {
            throw reader.malformed("scheme \(algorithm) is not RSASSA, RSAPSS or ECDSA")
        }
        let hashID = try reader.algorithm()
        guard let hash = hashID.hash else { throw reader.malformed("hash \(hashID) is not one that we know") }
        self.scheme = scheme
        self.hash = hash
        switch scheme {
        case .rsaPKCS1, .rsaPSS: self.bytes = try reader.sized(limit: TPMLimits.rsa)
        case .ecdsa:
            let r = try reader.sized(limit: TPMLimits.coordinate)
            let s = try reader.sized(limit: TPMLimits.coordinate)
            self.bytes = SignatureScheme.ecdsaSignature(r: r, s: s)
        }
        try reader.finish()
    }
}
