internal import COpenSSL

/// libcrypto's view of a certificate, for as long as ``Certificate`` copies from it. It owns an `X509`.
struct ParsedCertificate: ~Copyable {
    /// An `X509 *`, this value's own.
    let certificate: OpaquePointer

    /// Nil for other bytes, and for bytes left over; the error queue then says why.
    init?(_ der: [UInt8]) {
        let parsed = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var cursor = bytes.baseAddress
            guard let parsed = d2i_X509(nil, &cursor, bytes.count) else { return nil }
            guard cursor == bytes.baseAddress.map({ $0 + bytes.count }) else {
                X509_free(parsed)
                return nil
            }
            return parsed
        }
        guard let parsed else { return nil }
        certificate = parsed
    }

    deinit {
        X509_free(certificate)
        // Each reader below leaves its reasons in the queue: a name that cannot be read is nil, not an error.
        ERR_clear_error()
    }

    var subjectPublicKeyInfo: [UInt8]? {
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded)
        guard count > 0, let encoded else { return nil }
        defer { CRYPTO_free(encoded, #file, #line) }
        return Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
    }

    var subjectPublicKeyBits: [UInt8]? {
        Self.bytes(X509_get0_pubkey_bitstr(certificate))
    }

    /// Read by itself: X509_get0_subject_key_id refuses it when any other extension is broken.
    var subjectKeyIdentifier: [UInt8]? {
        guard let extensionValue = X509_get_ext_d2i(certificate, NID_subject_key_identifier, nil, nil) else {
            return nil
        }
        let identifier = extensionValue.assumingMemoryBound(to: ASN1_OCTET_STRING.self)
        defer { ASN1_OCTET_STRING_free(identifier) }
        return Self.bytes(identifier)
    }

    var commonName: String? {
        guard let subject = X509_get_subject_name(certificate) else { return nil }
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, let entry = X509_NAME_get_entry(subject, index) else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry))
        guard count >= 0, let text else { return nil }
        defer { CRYPTO_free(text, #file, #line) }
        return String(validating: UnsafeBufferPointer(start: text, count: Int(count)), as: UTF8.self)
    }

    var notBefore: Int64? { Self.seconds(X509_get0_notBefore(certificate)) }
    var notAfter: Int64? { Self.seconds(X509_get0_notAfter(certificate)) }

    var subjectAlternativeNames: [SubjectAlternativeName] {
        guard let extensionValue = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(extensionValue)
        defer { GENERAL_NAMES_free(names) }
        return (0..<max(0, OPENSSL_sk_num(names))).map { index in
            Self.name(OPENSSL_sk_value(names, index)?.assumingMemoryBound(to: GENERAL_NAME.self))
        }
    }

    private static func name(_ name: UnsafePointer<GENERAL_NAME>?) -> SubjectAlternativeName {
        var type: Int32 = -1
        guard let name, let value = GENERAL_NAME_get0_value(name, &type) else { return .other }
        switch type {
        case GEN_DNS, GEN_URI:
            guard let bytes = bytes(value.assumingMemoryBound(to: ASN1_STRING.self)),
                let text = String(validating: bytes, as: UTF8.self)
            else { return .other }
            return type == GEN_DNS ? .dns(text) : .uri(text)
        case GEN_IPADD: return bytes(value.assumingMemoryBound(to: ASN1_STRING.self)).map { .ip($0) } ?? .other
        default: return .other
        }
    }

    private static func bytes(_ string: UnsafePointer<ASN1_STRING>?) -> [UInt8]? {
        guard let string else { return nil }
        return Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string))))
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        guard let time, let epoch = ASN1_TIME_set(nil, 0) else { return nil }
        defer { ASN1_STRING_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
        return Int64(days) * 86_400 + Int64(seconds)
    }
}
