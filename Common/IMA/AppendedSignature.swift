/// The signature that is appended to a file (a kernel module, a kernel image), as a record shows it.
package struct AppendedSignature: Hashable, Sendable {
    /// The digest of the file without the signature.
    package let digest: RecordFields.FieldDigest
    /// Where the signature stands: PKCS#7, DER.
    package let signature: Range<Int>

    /// Reads the fields `d-modsig` and `modsig` of a record; nil if it has none or they are empty.
    ///
    /// - Parameter record: one of the kind `.file`.
    package init?(_ record: RecordLayout, in bytes: Span<UInt8>, limits: LogLimits = .standard) {
        guard let template = Template(name: bytes.extracting(record.templateName)) else { return nil }
        var fields = FieldReader(record, bytes, limits)
        var digest: RecordFields.FieldDigest?
        var signature = 0..<0
        for index in 0..<template.count {
            guard let range = try? fields.next(template[index]) else { return nil }
            switch template[index] {
            case .appendedSignatureDigest: digest = try? fields.optionalDigest(range)
            case .appendedSignature: signature = range
            default: break
            }
        }
        guard let digest, !signature.isEmpty else { return nil }
        self.digest = digest
        self.signature = signature
    }
}
