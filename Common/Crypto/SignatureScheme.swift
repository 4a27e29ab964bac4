/// How a signature is made from a digest.
package enum SignatureScheme: Hashable, Sendable {
    /// RSASSA-PKCS1-v1_5 (RFC 8017, 8.2).
    case rsaPKCS1
    /// RSASSA-PSS with MGF1 of the same hash, and any length of salt (RFC 8017, 8.1): TPMs differ in theirs.
    case rsaPSS
    /// ECDSA, the signature as a DER SEQUENCE of r and s (RFC 3279, 2.2.3).
    case ecdsa

    /// The DER signature of ECDSA's two numbers, as a TPM gives them: big-endian, of any length.
    package static func ecdsaSignature(r: [UInt8], s: [UInt8]) -> [UInt8] {
        DERWriter.sequence(DERWriter.integer(r), DERWriter.integer(s))
    }
}
