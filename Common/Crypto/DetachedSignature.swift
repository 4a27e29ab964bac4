internal import Bytes

/// What a detached PKCS#7 signature says of its one signer: the form in which the kernel takes a signature that is
/// appended to a file.
///
/// Source: RFC 5652, 5 (SignedData); Linux, crypto/asymmetric_keys/pkcs7_parser.c and pkcs7_verify.c. As the kernel does,
/// one signer is asked for, data without a type of their own, and no signed attributes: those would be what is signed. Only
/// ML-DSA may have them (`CONFIG_PKCS7_WAIVE_AUTHATTRS_REJECTION_FOR_MLDSA`, Linux 7.0): OpenSSL before 4.0 makes no other.
package struct DetachedSignature: Hashable, Sendable {
    /// How the signer's key is named.
    package enum Signer: Hashable, Sendable {
        /// By its certificate: ``Certificate/issuerAndSerial``.
        case issuerAndSerial([UInt8])
        /// By its subject key identifier.
        case subjectKeyIdentifier([UInt8])
    }

    /// The family of the scheme that made the signature.
    package enum Algorithm: Hashable, Sendable {
        /// RSA or ECDSA: which of both is the key's to say.
        case ofDigest
        /// ML-DSA, pure and with an empty context: it signs the file's content itself, or the attributes.
        case mlDSA(MLDSA)
        /// Another, under its OBJECT IDENTIFIER.
        case other(String)
    }

    /// Why bytes are no such signature.
    package enum Malformed: Error, Hashable, Sendable, CustomStringConvertible {
        case notSignedData(offset: Int)
        case signers(Int)
        case signedAttributes
        case attachedContent

        package var description: String {
            switch self {
            case .notSignedData(let offset): "no PKCS#7 signed data at byte \(offset)"
            case .signers(let count): "\(count) signers, the kernel takes one"
            case .signedAttributes: "it has signed attributes, which the kernel doesn't take"
            case .attachedContent: "it brings its own content"
            }
        }
    }

    /// Whose key made it.
    package let signer: Signer
    /// How.
    package let algorithm: Algorithm
    /// PKCS#1 v1.5 for RSA, DER for ECDSA, the bare bytes for ML-DSA.
    package let signature: [UInt8]
    /// The signed attributes as they were signed: a SET, in DER (RFC 5652, 5.4). Empty if there are none.
    package let signedAttributes: [UInt8]

    /// Reads a ContentInfo.
    package init(der: Span<UInt8>) throws(Malformed) {
        let parts: Parts
        do throws(DERError) {
            parts = try Parts(der)
        } catch {
            throw .notSignedData(offset: error.offset)
        }
        guard parts.isDetached else { throw .attachedContent }
        guard let first = parts.signers.first, parts.signers.count == 1 else { throw .signers(parts.signers.count) }
        let set = MLDSA(objectIdentifier: first.algorithm)
        guard first.signedAttributes.isEmpty || set != nil else { throw .signedAttributes }
        signer = first.signer
        signature = first.signature
        signedAttributes = first.signedAttributes
        if let set {
            algorithm = .mlDSA(set)
        } else {
            algorithm = Self.isOfDigest(first.algorithm) ? .ofDigest : .other(Self.dotted(first.algorithm))
        }
    }

    /// RSA's arc (RFC 8017, A.1), or that of ECDSA's signatures (RFC 5758, 3.2).
    private static func isOfDigest(_ identifier: [UInt8]) -> Bool {
        identifier.starts(with: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01])
            || identifier.starts(with: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04])
    }

    /// An OBJECT IDENTIFIER for people (X.690, 8.19).
    private static func dotted(_ identifier: [UInt8]) -> String {
        var numbers: [UInt64] = []
        var number: UInt64 = 0
        for byte in identifier.prefix(32) {
            number = number << 7 | UInt64(byte & 0x7f)
            guard byte < 0x80 else { continue }
            if numbers.isEmpty {
                let first = min(number / 40, 2)
                numbers = [first, number - 40 * first]
            } else {
                numbers.append(number)
            }
            number = 0
        }
        return numbers.map { "\($0)" }.joined(separator: ".")
    }
}

/// SignedData as far as it is looked at.
private struct Parts {
    /// A SignerInfo.
    struct SignerInfo {
        let signer: DetachedSignature.Signer
        let signedAttributes: [UInt8]
        let algorithm: [UInt8]
        let signature: [UInt8]
    }

    /// The OBJECT IDENTIFIERs of signed data, and of data.
    private static let signedData: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]
    private static let data: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]
    /// More signers than this are none that are looked at.
    private static let signerLimit = 16

    let isDetached: Bool
    var signers: [SignerInfo] = []

    init(_ der: Span<UInt8>) throws(DERError) {
        var file = DERReader(der)
        var info = try file.enter(.sequence)
        try file.finish()
        try Self.expect(Self.signedData, &info)
        var explicit = try info.enter(.contextSpecific(0))
        var signed = try explicit.enter(.sequence)
        _ = try signed.element(.integer)
        _ = try signed.element(.set)
        var content = try signed.enter(.sequence)
        try Self.expect(Self.data, &content)
        isDetached = content.isAtEnd
        // Certificates and revocation lists: keys come from keyrings only.
        while signed.isNext(.contextSpecific(0)) || signed.isNext(.contextSpecific(1)) { _ = try signed.element() }
        var set = try signed.enter(.set)
        try signed.finish()
        while !set.isAtEnd, signers.count < Self.signerLimit {
            var signer = try set.enter(.sequence)
            signers.append(try Self.signer(&signer))
        }
    }

    private static func signer(_ reader: inout DERReader) throws(DERError) -> SignerInfo {
        _ = try reader.element(.integer)
        let signer: DetachedSignature.Signer
        if reader.isNext(.sequence) {
            signer = .issuerAndSerial([UInt8](copying: try reader.element().content))
        } else {
            let identifier = try reader.element(.primitiveContextSpecific(0))
            signer = .subjectKeyIdentifier([UInt8](copying: identifier.content))
        }
        _ = try reader.element(.sequence)
        var attributes: [UInt8] = []
        if reader.isNext(.contextSpecific(0)) {
            // Signed under the tag of a SET, sent under that of a field.
            attributes = [DERTag.set.byte] + [UInt8](copying: try reader.element().whole).dropFirst()
        }
        var algorithm = try reader.enter(.sequence)
        let identifier = [UInt8](copying: try algorithm.element(.objectIdentifier).content)
        let signature = [UInt8](copying: try reader.element(.octetString).content)
        return SignerInfo(
            signer: signer, signedAttributes: attributes, algorithm: identifier, signature: signature)
    }

    private static func expect(_ identifier: [UInt8], _ reader: inout DERReader) throws(DERError) {
        let found = try reader.element(.objectIdentifier)
        guard [UInt8](copying: found.content) == identifier else { throw DERError(offset: 0) }
    }
}
