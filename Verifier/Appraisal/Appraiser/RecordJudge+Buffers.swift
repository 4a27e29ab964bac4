internal import AssayCrypto
internal import Bytes
internal import IMA

/// Rule 7: a buffer is believed only if the record's digest is its digest; a key among them is judged by its keyring and
/// learned, anything else by its name.
extension RecordJudge {
    /// Judges a buffer that is whole.
    func buffer(_ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64, _ judgement: inout Judgement) {
        let name = bytes.extracting(fields.name)
        let digest = bytes.extracting(fields.digest.range)
        let buffer = bytes.extracting(fields.buffer)
        guard let policy else { return }
        guard let key = LearnedKey.read([UInt8](copying: buffer), record: number, firstSeen: options.time) else {
            let listing = policy.buffer(name, digest)
            if listing != .allowed { add(listing, .buffers, .fail, fields, bytes, number, &judgement) }
            return
        }
        let keyring = [UInt8](copying: name)
        guard !policy.ignores(keyring: keyring) else { return }
        switch policy.key(name, digest) {
        case .allowed: learn(key, on: keyring, &judgement)
        case .otherDigest: add(.otherDigest, .keyrings, .fail, fields, bytes, number, &judgement)
        case .unlisted:
            let action = policy.rules.unlistedKeyrings ?? KeyringScope.defaultAction(forUnlisted: name)
            if action != .ignore { add(.unlisted, .keyrings, action, fields, bytes, number, &judgement) }
        }
    }

    /// Judges a kexec's record whose count isn't that of the log: it passes only if it is listed.
    func kexec(
        _ fields: RecordFields, _ counted: UInt64, _ expected: ClosedRange<UInt64>, in bytes: Span<UInt8>,
        _ number: UInt64, _ judgement: inout Judgement
    ) {
        let name = bytes.extracting(fields.name)
        guard let policy, policy.buffer(name, bytes.extracting(fields.digest.range)) != .allowed else { return }
        judgement.findings.add(
            Finding(
                .notInPolicy, record: number, path: [UInt8](copying: name),
                found: "\(Self.text(fields.digest, bytes)), a kernel's count of \(counted) records",
                expected: "\(expected.lowerBound) to \(expected.upperBound) records, by those that there are",
                remedy:
                    "The log isn't the one that the kernel counted: inspect the host. If it is right all the same, list the "
                    + "record's digest under ima-buf."))
    }

    /// Whether the record's digest is its buffer's.
    func isWhole(
        _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64, _ judgement: inout Judgement
    ) -> Bool {
        let computed = try? fields.digest.hash.algorithm?.digest(of: bytes.extracting(fields.buffer))
        if fields.digest.type == .ima, let computed, computed == Digest(bytes.extracting(fields.digest.range)) {
            return true
        }
        judgement.findings.add(
            Finding(
                .bufferDigestMismatch, record: number, path: [UInt8](copying: bytes.extracting(fields.name)),
                found: Self.text(fields.digest, bytes),
                expected: computed?.description ?? "a digest of a hash that can be computed"))
        return false
    }

    private func learn(_ reading: LearnedKey.Reading, on keyring: [UInt8], _ judgement: inout Judgement) {
        switch reading {
        case .key(let key):
            guard judgement.keyrings.learn(key, on: keyring) else { return }
            judgement.learned.append(.init(keyring: keyring, key: key))
            if fileKeyrings.contains(keyring) { add(key, to: &judgement.signingKeys) }
            if KeyringScope.metadata.contains(keyring) { add(key, to: &judgement.metadataKeys) }
        case .unusable(let id):
            if let id { judgement.keyrings.noteUnusable(id) }
        }
    }

    private func add(
        _ listing: DigestTable.Listing, _ table: CompiledPolicy.Table, _ action: PolicyAction, _ fields: RecordFields,
        _ bytes: Span<UInt8>, _ number: UInt64, _ judgement: inout Judgement
    ) {
        let name = bytes.extracting(fields.name)
        let expected = expected(table, fields, bytes)
        let remedy =
            expected.remedy
            ?? (table == .keyrings
                ? "Find out who loaded the key; if it is wanted, list its digest under keyrings."
                : "Find out what the kernel measured; if it is wanted, list its digest under ima-buf.")
        judgement.findings.add(
            Finding(
                listing == .unlisted ? .notInPolicy : .digestMismatch, record: number, path: [UInt8](copying: name),
                found: Self.text(fields.digest, bytes), expected: expected.text, remedy: remedy,
                isWarning: action == .warn))
    }
}
