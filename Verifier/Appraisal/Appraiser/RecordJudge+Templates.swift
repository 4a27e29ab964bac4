internal import AssayCrypto
internal import Bytes
internal import IMA

/// The template's name is covered by no digest. Of what the kernel itself lays out only a file's signature and a measured
/// buffer can stand in each other's place; custom formats are as many as there are kernels, so that the policy says which to
/// read. Where bytes can be read in two ways, the stricter one counts.
extension RecordJudge {
    /// A template that is neither built in nor listed.
    func unlistedTemplate(
        _ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64,
        _ judgement: inout Judgement
    ) {
        let name = escaped([UInt8](copying: bytes.extracting(record.templateName)))
        // One that doesn't begin with its digest and its name, or of unknown fields, can't be listed.
        let remedy =
            fields.isCustom && fields.kind != .unknownTemplate
            ? "If the host's kernel is meant to write this format, add to the policy: "
                + #""assay": {"templates": ["\#(name)"]} (policy create --log does)."#
            : nil
        judgement.findings.add(Finding(.unknownTemplate, record: number, found: name, remedy: remedy))
    }

    /// Whether a file's record can't be that of a measured buffer under another template's name, or would pass as that,
    /// too: it is one if its last field is what its digest is of, and no key then, for no file's field could hold one.
    ///
    /// Not asked of a signature that verifies: none is over its own digest.
    @inline(__always)
    func isNoBuffer(
        _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64, _ judgement: inout Judgement
    ) -> Bool {
        fields.buffer.isEmpty || passesAsBuffer(fields, in: bytes, number, &judgement)
    }

    private func passesAsBuffer(
        _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64, _ judgement: inout Judgement
    ) -> Bool {
        guard let policy,
            let computed = try? fields.digest.hash.algorithm?.digest(of: bytes.extracting(fields.buffer))
        else { return true }
        let name = bytes.extracting(fields.name)
        let digest = bytes.extracting(fields.digest.range)
        guard computed == Digest(digest), policy.buffer(name, digest) != .allowed else { return true }
        addAmbiguity(.notInPolicy, fields, "a measured buffer's", in: bytes, number, &judgement)
        return false
    }

    /// Whether a measured buffer's record can't be that of a file under another template's name, or would pass as that,
    /// too.
    func isNoFile(
        _ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64,
        _ judgement: inout Judgement
    ) -> Bool {
        guard policy != nil || options.requiresSignatures, couldBeFile(record, fields, in: bytes) else { return true }
        let name = bytes.extracting(fields.name)
        let listing = policy?.file(name, bytes.extracting(fields.digest.range))
        // No expression lets a boot_aggregate pass but the one that begins a log.
        let isExcluded = policy?.excludes.contains(name, matcher) == true && !Self.isBootAggregate(name)
        if listing == .allowed || isExcluded { return true }
        let reason: Reason = listing == nil ? .notSigned : listing == .unlisted ? .notInPolicy : .digestMismatch
        addAmbiguity(reason, fields, "a file's", in: bytes, number, &judgement)
        return false
    }

    private func addAmbiguity(
        _ reason: Reason, _ fields: RecordFields, _ whose: String, in bytes: Span<UInt8>, _ number: UInt64,
        _ judgement: inout Judgement
    ) {
        judgement.findings.add(
            Finding(
                reason, record: number, path: [UInt8](copying: bytes.extracting(fields.name)),
                found: "\(Self.text(fields.digest, bytes)), of bytes that can be \(whose) record, too",
                remedy: "Find out what was measured; if it is wanted, list its digest under ima-buf and under digests.")
        )
    }

    private func couldBeFile(_ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>) -> Bool {
        if fields.couldBeFile(in: bytes) { return true }
        for template in policy?.templatesLikeBuffers ?? [] {
            if RecordFields(record, in: bytes, as: template, limits: options.limits).kind == .file { return true }
        }
        return false
    }
}
