/// The signature that is appended to a file (a kernel module, a kernel image), as a record shows it.
package struct AppendedSignature: Hashable, Sendable {
    /// What the kernel computed for it.
    package enum Content: Hashable, Sendable {
        /// The digest of the file without the signature.
        case digest(RecordFields.FieldDigest)
        /// The signed attributes, in which that digest stands, where the algorithm hashes nothing before it signs (ML-DSA).
        /// The kernel has compared the digest (Linux 7.0, crypto/asymmetric_keys/pkcs7_verify.c, `pkcs7_digest`). Where
        /// such a signature has no attributes, it has no content to give, and adds no record.
        case attributes(Range<Int>)
    }

    /// What it was made for.
    package let content: Content
    /// Where the signature stands: PKCS#7, DER.
    package let signature: Range<Int>

    /// Reads the fields `d-modsig` and `modsig` of a record; nil if it has none or they are empty.
    ///
    /// - Parameter record: one of the kind `.file`.
    package init?(_ record: RecordLayout, in bytes: Span<UInt8>, limits: LogLimits = .standard) {
        guard let template = Template(name: bytes.extracting(record.templateName)) else { return nil }
        var fields = FieldReader(record, bytes, limits)
        var content: Content?
        var signature = 0..<0
        for index in 0..<template.count {
            guard let range = try? fields.next(template[index]) else { return nil }
            switch template[index] {
            case .appendedSignatureDigest: content = try? fields.appended(range)
            case .appendedSignature: signature = range
            default: break
            }
        }
        guard let content, !signature.isEmpty else { return nil }
        self.content = content
        self.signature = signature
    }
}
