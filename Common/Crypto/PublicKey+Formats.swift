internal import COpenSSL

/// The forms in which a key comes, other than a SubjectPublicKeyInfo: each is rewritten to that.
extension PublicKey {
    /// An RSA key from its numbers, big-endian.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` for an even modulus: it is no product of large primes, and libcrypto
    ///   reads it but fails at each use.
    package convenience init(rsaModulus modulus: [UInt8], exponent: UInt32) throws(CryptoError) {
        guard modulus.last?.isMultiple(of: 2) == false else {
            throw CryptoError(.malformed, "an RSA modulus that is even")
        }
        let exponent = withUnsafeBytes(of: exponent.bigEndian) { Array($0) }
        let key = DERWriter.sequence(DERWriter.integer(modulus), DERWriter.integer(exponent))
        try self.init(subjectPublicKeyInfo: Self.info(rsaPublicKey: key))
    }

    /// A key from a point's coordinates, big-endian; shorter ones are filled with leading zeros.
    package convenience init(curve: EllipticCurve, x: [UInt8], y: [UInt8]) throws(CryptoError) {
        let size = curve.coordinateSize
        guard x.count <= size, y.count <= size else {
            throw CryptoError(.malformed, "a coordinate is longer than the \(size) bytes of \(curve)")
        }
        let coordinates = [x, y].flatMap { [UInt8](repeating: 0, count: size - $0.count) + $0 }
        let algorithm = DERWriter.sequence(Self.ecPublicKey, curve.objectIdentifier)
        try self.init(
            subjectPublicKeyInfo: DERWriter.sequence(algorithm, DERWriter.bitString([0x04] + coordinates)))
    }

    /// The first public key or certificate of a PEM file.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` if there is none.
    package convenience init(pem: [UInt8]) throws(CryptoError) {
        try self.init(subjectPublicKeyInfo: Self.info(pem: pem))
    }

    /// A public key or a certificate, as PEM or as DER.
    package convenience init(encoded bytes: [UInt8]) throws(CryptoError) {
        try self.init(subjectPublicKeyInfo: Self.info(encoded: bytes))
    }

    /// The OBJECT IDENTIFIER of RSA keys, and its NULL parameter (RFC 3279, 2.3.1).
    private static let rsaEncryption: [UInt8] = [
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ]
    /// The OBJECT IDENTIFIER of keys on elliptic curves (RFC 5480, 2.1.1).
    private static let ecPublicKey: [UInt8] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]

    /// Wraps an RSAPublicKey (RFC 8017, A.1.1).
    private static func info(rsaPublicKey key: [UInt8]) -> [UInt8] {
        DERWriter.sequence(DERWriter.sequence(rsaEncryption), DERWriter.bitString(key))
    }

    /// The SubjectPublicKeyInfo in PEM or DER, or that of a certificate; DER of neither is returned as it is.
    package static func info(encoded bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        if bytes.contains(Array("-----BEGIN ".utf8)) { return try info(pem: bytes) }
        let certificate = try? Certificate(der: bytes)
        return certificate?.subjectPublicKeyInfo ?? bytes
    }

    private static func info(pem: [UInt8]) throws(CryptoError) -> [UInt8] {
        for block in try PEMBlock.all(in: pem) {
            switch block.label {
            case "PUBLIC KEY": return block.der
            case "RSA PUBLIC KEY": return info(rsaPublicKey: block.der)
            case "CERTIFICATE", "X509 CERTIFICATE": return try Certificate(der: block.der).subjectPublicKeyInfo
            default: continue
            }
        }
        throw CryptoError(.malformed, "no public key and no certificate in the PEM file")
    }

    /// The coordinates of a key's point on a curve, big-endian, as long as the curve's.
    ///
    /// - Throws: ``CryptoError`` with `.unsupported` for a key that isn't on the curve.
    package func coordinates(on curve: EllipticCurve) throws(CryptoError) -> (x: [UInt8], y: [UInt8]) {
        let attempt = "read a point on \(curve)"
        let size = curve.coordinateSize
        var point = [UInt8](repeating: 0, count: 1 + 2 * size)
        var count = 0
        guard kind == .ellipticCurve(curve.rawValue),
            EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, &point, point.count, &count) == 1,
            count == point.count, point.first == 0x04  // not compressed (SEC 1, 2.3.3)
        else { throw CryptoError(.unsupported, attempt) }
        return (Array(point[1..<1 + size]), Array(point[(1 + size)...]))
    }
}
