internal import COpenSSL

/// An extension of a certificate that we issue. Written as DER here, since libcrypto's own text form for them gives a
/// meaning to commas and colons, which names may have.
struct CertificateExtension {
    /// libcrypto's number for the kind.
    let identifier: Int32
    /// Whether a reader that doesn't know it must refuse the certificate.
    let isCritical: Bool
    let der: [UInt8]

    /// RFC 5280, 4.2.1.9. An authority's path ends with those that it issues.
    static func basicConstraints(isAuthority: Bool) -> Self {
        let content = isAuthority ? DERWriter.element(0x01, [0xff]) + DERWriter.integer([0]) : []
        return Self(identifier: NID_basic_constraints, isCritical: true, der: DERWriter.sequence(content))
    }

    /// RFC 5280, 4.2.1.3: keyCertSign and cRLSign, bits 5 and 6; or digitalSignature, bit 0. The first byte of a BIT
    /// STRING counts its unused bits.
    static func keyUsage(isAuthority: Bool) -> Self {
        let bits: [UInt8] = isAuthority ? [1, 0x06] : [7, 0x80]
        return Self(identifier: NID_key_usage, isCritical: true, der: DERWriter.element(0x03, bits))
    }

    /// RFC 5280, 4.2.1.12: id-kp 1 is serverAuth, id-kp 2 is clientAuth.
    static func extendedKeyUsage(_ number: UInt8) -> Self {
        let identifier = DERWriter.element(0x06, [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, number])
        return Self(identifier: NID_ext_key_usage, isCritical: false, der: DERWriter.sequence(identifier))
    }

    /// RFC 5280, 4.2.1.2.
    static func subjectKeyIdentifier(_ identifier: [UInt8]) -> Self {
        Self(identifier: NID_subject_key_identifier, isCritical: false, der: DERWriter.element(0x04, identifier))
    }

    /// RFC 5280, 4.2.1.1.
    static func authorityKeyIdentifier(_ identifier: [UInt8]) -> Self {
        let content = DERWriter.sequence(DERWriter.element(0x80, identifier))
        return Self(identifier: NID_authority_key_identifier, isCritical: false, der: content)
    }

    /// RFC 5280, 4.2.1.6; critical where there is no other name.
    static func subjectAlternativeName(_ names: [[UInt8]], isCritical: Bool) -> Self {
        Self(
            identifier: NID_subject_alt_name, isCritical: isCritical,
            der: DERWriter.sequence(names.flatMap { $0 }))
    }

    /// One GeneralName; nil for a kind that we don't write.
    static func generalName(_ name: SubjectAlternativeName) -> [UInt8]? {
        switch name {
        case .dns(let host): DERWriter.element(0x82, Array(host.utf8))
        case .uri(let uri): DERWriter.element(0x86, Array(uri.utf8))
        case .ip(let address): DERWriter.element(0x87, address)
        case .other: nil
        }
    }
}
