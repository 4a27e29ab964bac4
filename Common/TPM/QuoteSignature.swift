package import AssayCrypto

/// A signature as a TPM gives it (TPMT_SIGNATURE; TPM 2.0 Part 2, 11.3.4).
package struct QuoteSignature: Hashable, Sendable {
    /// How it was made; what Assay doesn't verify is refused when it is read.
    package let scheme: SignatureScheme
    /// The hash of what was signed.
    package let hash: HashAlgorithm
    /// The signature as ``PublicKey`` takes it: RSA's bytes, or ECDSA's two numbers in DER.
    package let bytes: [UInt8]

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
