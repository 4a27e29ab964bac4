internal import COpenSSL

extension SigningKey {
    /// A certificate of the key, by the key, with a comment that makes it longer than so many bytes.
    package func certificate(bytes: Int) throws -> [UInt8] {
        let comment = [UInt8](repeating: 0x61, count: bytes)
        guard let certificate = X509_new(), let data = ASN1_OCTET_STRING_new() else { throw Failure(call: "X509_new") }
        defer { X509_free(certificate) }
        defer { ASN1_OCTET_STRING_free(data) }
        ASN1_OCTET_STRING_set(data, comment, Int32(comment.count))
        let extra = X509_EXTENSION_create_by_NID(nil, NID_netscape_comment, 0, data)
        defer { X509_EXTENSION_free(extra) }
        guard X509_set_version(certificate, 2) == 1, X509_set_pubkey(certificate, key) == 1,
            ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != nil,
            X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != nil,
            X509_add_ext(certificate, extra, -1) == 1, X509_sign(certificate, key, EVP_sha256()) > 0
        else { throw Failure(call: "X509_sign") }
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &encoded)
        guard count > 0, let encoded else { throw Failure(call: "i2d_X509") }
        defer { CRYPTO_free(encoded, #file, #line) }
        return Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
    }
}
