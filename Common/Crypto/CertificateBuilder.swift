internal import COpenSSL

/// A certificate before it is signed. It owns an `X509`.
struct CertificateBuilder: ~Copyable {
    private let certificate: OpaquePointer
    private let template: CertificateTemplate
    private let publicKey: PublicKey

    init(_ template: CertificateTemplate, for publicKey: PublicKey) throws(CryptoError) {
        guard let certificate = X509_new() else { throw CryptoError(.failed, "make a certificate") }
        self.certificate = certificate
        self.template = template
        self.publicKey = publicKey
    }

    deinit { X509_free(certificate) }

    /// Fills the certificate in, and signs it.
    ///
    /// - Parameter issuer: nil for one that vouches for itself.
    consuming func signed(by key: PrivateKey, issuer: Certificate?) throws(CryptoError) -> Certificate {
        try setSerialNumber()
        try setNames(issuer)
        guard X509_set_version(certificate, 2) == 1,  // v3 is written as 2 (RFC 5280, 4.1.2.1)
            X509_set_pubkey(certificate, publicKey.key) == 1,
            ASN1_TIME_set(X509_getm_notBefore(certificate), time_t(template.notBefore)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(certificate), time_t(template.notAfter)) != nil
        else { throw CryptoError(.failed, "fill in a certificate") }
        for value in extensions(issuer) { try add(value) }
        guard X509_sign(certificate, key.key, key.signatureHash?.pointer) > 0 else {
            throw CryptoError(.failed, "sign a certificate")
        }
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &encoded)
        guard count > 0, let encoded else { throw CryptoError(.failed, "write a certificate") }
        defer { CRYPTO_free(encoded, #file, #line) }
        return try Certificate(der: Array(UnsafeBufferPointer(start: encoded, count: Int(count))))
    }

    /// 127 random bits behind a bit that is set: a positive number, never zero (RFC 5280, 4.1.2.2).
    private func setSerialNumber() throws(CryptoError) {
        var bytes = try randomBytes(16)
        bytes[0] = bytes[0] & 0x7f | 0x40
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else {
            throw CryptoError(.failed, "make a serial number")
        }
        defer { BN_free(number) }
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
            throw CryptoError(.failed, "make a serial number")
        }
    }

    private func setNames(_ issuer: Certificate?) throws(CryptoError) {
        let attempt = "name a certificate's owner"
        guard let subject = X509_get_subject_name(certificate) else { throw CryptoError(.failed, attempt) }
        if hasSubject {
            let name = Array(template.commonName.utf8)
            guard
                X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, name, Int32(name.count), -1, 0) == 1
            else { throw CryptoError(.failed, attempt) }
        }
        guard let issuer else {
            guard X509_set_issuer_name(certificate, subject) == 1 else { throw CryptoError(.failed, attempt) }
            return
        }
        guard let parsed = ParsedCertificate(issuer.der),
            X509_set_issuer_name(certificate, X509_get_subject_name(parsed.certificate)) == 1
        else { throw CryptoError(.failed, "name a certificate's issuer") }
    }

    /// ub-common-name is 64 characters (RFC 5280, appendix A.1).
    private var hasSubject: Bool { (1...64).contains(template.commonName.unicodeScalars.count) }

    private func add(_ value: CertificateExtension) throws(CryptoError) {
        let attempt = "add an extension to a certificate"
        guard let data = ASN1_OCTET_STRING_new() else { throw CryptoError(.failed, attempt) }
        defer { ASN1_OCTET_STRING_free(data) }
        guard ASN1_OCTET_STRING_set(data, value.der, Int32(value.der.count)) == 1,
            let made = X509_EXTENSION_create_by_NID(nil, value.identifier, value.isCritical ? 1 : 0, data)
        else { throw CryptoError(.failed, attempt) }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(certificate, made, -1) == 1 else { throw CryptoError(.failed, attempt) }
    }

    private func extensions(_ issuer: Certificate?) -> [CertificateExtension] {
        let ownKey = Array(publicKey.fingerprint.bytes.prefix(20))  // RFC 7093, 2, method 4, cut as method 1
        var extensions: [CertificateExtension] = [
            .basicConstraints(isAuthority: template.purpose == .authority),
            .keyUsage(isAuthority: template.purpose == .authority),
            .subjectKeyIdentifier(ownKey),
        ]
        if let issuerKey = issuer.map(\.subjectKeyIdentifier) ?? ownKey {
            extensions.append(.authorityKeyIdentifier(issuerKey))
        }
        switch template.purpose {
        case .authority: break
        case .client: extensions.append(.extendedKeyUsage(2))
        case .server: extensions.append(.extendedKeyUsage(1))
        }
        let names = template.names.compactMap(CertificateExtension.generalName)
        if !names.isEmpty {
            extensions.append(.subjectAlternativeName(names, isCritical: !hasSubject))
        }
        return extensions
    }
}
