internal import Bytes
package import TPM

/// TPMT_PUBLICs as a TPM would marshal them, with any field wrong.
package enum PublicAreaBytes {
    /// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign.
    package static let attributes: UInt32 = 0x0005_0072

    /// An RSA key.
    package static func rsa(
        nameAlgorithm: AlgorithmID = .sha256, attributes: UInt32 = attributes, cipher: AlgorithmID = .null,
        scheme: AlgorithmID = .rsassa, hash: AlgorithmID = .sha256, exponent: UInt32 = 0, modulus: [UInt8]
    ) -> [UInt8] {
        var writer = head(.rsa, nameAlgorithm, attributes, cipher, scheme, hash)
        writer.integer(UInt16(truncatingIfNeeded: modulus.count * 8))
        writer.integer(exponent)
        writer.sized(by: UInt16.self, modulus)
        return writer.bytes
    }

    /// A key on an elliptic curve.
    package static func ellipticCurve(
        nameAlgorithm: AlgorithmID = .sha256, scheme: AlgorithmID = .ecdsa, hash: AlgorithmID = .sha256,
        curve: UInt16 = 3,
        x: [UInt8], y: [UInt8]
    ) -> [UInt8] {
        var writer = head(.ecc, nameAlgorithm, attributes, .null, scheme, hash)
        writer.integer(curve)
        writer.integer(AlgorithmID.null.rawValue)
        writer.sized(by: UInt16.self, x)
        writer.sized(by: UInt16.self, y)
        return writer.bytes
    }

    private static func head(
        _ type: AlgorithmID, _ nameAlgorithm: AlgorithmID, _ attributes: UInt32, _ cipher: AlgorithmID,
        _ scheme: AlgorithmID, _ hash: AlgorithmID
    ) -> ByteWriter {
        var writer = ByteWriter()
        writer.integer(type.rawValue)
        writer.integer(nameAlgorithm.rawValue)
        writer.integer(attributes)
        writer.sized(by: UInt16.self, [])
        writer.integer(cipher.rawValue)
        if cipher != .null { writer.integer(0x0080_0043 as UInt32) }  // 128 bits, CFB
        writer.integer(scheme.rawValue)
        if scheme != .null { writer.integer(hash.rawValue) }
        return writer
    }
}
