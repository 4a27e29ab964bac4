internal import AssayCrypto
internal import Bytes
internal import IMA

/// Judges one record at a time by the policy, in the order of the rules (Docs/appraisal.md): template digest, PCR,
/// violation, boot_aggregate, file or buffer.
struct RecordJudge: Sendable {
    let policy: Policy?
    let options: AppraisalOptions
    let hasQuote: Bool
    /// Values that a boot_aggregate may have without being listed.
    let bootAggregates: [Digest]
    let matcher = RegexMatcher()
    /// The keys that are there before any record: the policy's and the operator's.
    let givenKeys: SigningKeys
    /// The policy's alone: what the operator brings beside it never serves for metadata.
    let givenMetadataKeys: SigningKeys
    let fileKeyrings: Set<[UInt8]>

    init(policy: Policy?, options: AppraisalOptions, quote: QuotedPCRs?) {
        self.policy = policy
        self.options = options
        hasQuote = quote != nil
        bootAggregates = options.bootAggregates + (quote.map(\.bootAggregates) ?? [])
        fileKeyrings = policy?.fileKeyrings ?? KeyringScope.files
        let policyKeys = policy?.verificationKeys ?? []
        givenKeys = Self.keys(policyKeys + options.keys, unless: options.deniedKeys)
        givenMetadataKeys = Self.keys(policyKeys, unless: options.deniedKeys)
    }

    private static func keys(_ given: [VerificationKey], unless deniedKeys: Set<Digest>) -> SigningKeys {
        var keys = SigningKeys()
        for key in given {
            guard let publicKey = key.publicKey else {
                keys.noteUnusable(key.keyID)
                continue
            }
            let material = KeyMaterial(der: key.der, publicKey: publicKey)
            keys.add(key.keyID, .init(fingerprint: publicKey.fingerprint, material: material), unless: deniedKeys)
        }
        return keys
    }

    /// The keys that may vouch for files after earlier rounds.
    func signingKeys(with model: KeyringModel) -> SigningKeys {
        keys(givenKeys, with: model, on: fileKeyrings)
    }

    /// The keys that may vouch for files' metadata after earlier rounds.
    func metadataKeys(with model: KeyringModel) -> SigningKeys {
        keys(givenMetadataKeys, with: model, on: KeyringScope.metadata)
    }

    private func keys(_ given: SigningKeys, with model: KeyringModel, on keyrings: Set<[UInt8]>) -> SigningKeys {
        var keys = given
        for (name, learned) in model.keyrings where keyrings.contains(name) {
            for key in learned { add(key, to: &keys) }
        }
        return keys
    }

    func add(_ key: LearnedKey, to keys: inout SigningKeys) {
        keys.add(
            key.keyID, .init(fingerprint: key.fingerprint, material: key.material), unless: options.deniedKeys)
    }

    /// Replays and judges a record.
    func judge(_ record: RecordLayout, in bytes: Span<UInt8>, _ judgement: inout Judgement) {
        let number = judgement.records
        judgement.records &+= 1
        judgement.bytes &+= UInt64(record.range.count)
        let fields = RecordFields(record, in: bytes, limits: options.limits)
        let snapshot = fields.kind == .buffer ? snapshot(fields, in: bytes, number, judgement) : nil
        guard replays(record, fields, in: bytes, number, &judgement) else { return }
        judgement.contents?.take(record, fields, in: bytes)
        let isBootAggregate = fields.kind == .file && Self.isBootAggregate(bytes.extracting(fields.name))
        if number == 0, options.requiresBootAggregate, !isBootAggregate || fields.isViolation {
            judgement.findings.add(
                Finding(.noBootAggregate, record: 0, path: [UInt8](copying: bytes.extracting(fields.name))))
        }
        // A violation tells of no file's content.
        if fields.isViolation { return violation(fields, in: bytes, number, &judgement) }
        if fields.kind == .file, !isBootAggregate { judgement.fileRecords &+= 1 }
        if fields.isCustom, policy?.lists(template: bytes.extracting(record.templateName)) != true {
            return unlistedTemplate(record, fields, in: bytes, number, &judgement)
        }
        switch fields.kind {
        case .file where isBootAggregate: bootAggregate(fields, in: bytes, number, &judgement)
        case .file: file(record, fields, in: bytes, number, &judgement)
        case .buffer:
            guard isWhole(fields, in: bytes, number, &judgement),
                isNoFile(record, fields, in: bytes, number, &judgement)
            else { return }
            if let snapshot {
                take(snapshot, &judgement)
                // What the records before it bear out, or belie, is settled; the host's mere word is a buffer like any.
                guard snapshot.worth == .unsupported else { return }
            }
            switch judgement.kexec.note(fields, in: bytes, number) {
            case .agrees: return
            case .disagrees(let counted, let expected): kexec(fields, counted, expected, in: bytes, number, &judgement)
            case nil: buffer(fields, in: bytes, number, &judgement)
            }
        case .unknownTemplate: unlistedTemplate(record, fields, in: bytes, number, &judgement)
        case .malformed(let problem):
            judgement.findings.add(Finding(.parseError, record: number, found: problem.code.rawValue))
        }
    }

    /// Rules 2 and 3: extends the PCRs; false if nothing vouches for the record, so that nothing of it may count.
    private func replays(
        _ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64,
        _ judgement: inout Judgement
    ) -> Bool {
        var isCovered = false
        let columnMatches: Bool
        if QuotedPCRs.vouching.contains(record.pcr) {
            // The policy lies far away in memory: between the steps of the look-up, hashes are computed.
            let anticipated = fields.signature.isEmpty ? policy?.anticipate(bytes.extracting(fields.name)) : nil
            let digest = record.isViolation ? nil : record.templateDigest(record.column, in: bytes)
            if let anticipated { policy?.fetch(anticipated) }
            let step = judgement.replay.extend(record, digest, in: bytes)
            columnMatches = step.columnMatches
            isCovered = step.isCovered
        } else {
            columnMatches =
                fields.isViolation
                || record.templateDigest(options.format.column, in: bytes)
                    == Digest(bytes.extracting(record.templateDigest))
        }
        if !columnMatches {
            judgement.findings.add(
                Finding(
                    .templateHashMismatch, record: number, path: [UInt8](copying: bytes.extracting(fields.name)),
                    found: [UInt8](copying: bytes.extracting(record.templateDigest)).hexadecimal,
                    expected: record.templateDigest(options.format.column, in: bytes).description))
        }
        guard hasQuote, !isCovered else { return true }
        judgement.findings.add(
            Finding(
                .wrongPCR, record: number, path: [UInt8](copying: bytes.extracting(fields.name)),
                found: "PCR \(record.pcr)", expected: "a PCR below 16 that the quote covers"))
        return false
    }

    /// Rule 4: counted always; the policy says what it means.
    private func violation(
        _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64, _ judgement: inout Judgement
    ) {
        judgement.violations &+= 1
        let path = bytes.extracting(fields.name)
        let action = options.violations ?? policy?.violationAction(path) ?? .warn
        guard action != .ignore else { return }
        judgement.findings.add(
            Finding(.violation, record: number, path: [UInt8](copying: path), isWarning: action == .warn))
    }

    /// Rule 5, and the end of what an earlier kernel loaded: a boot_aggregate behind record 0 is a kexec's.
    private func bootAggregate(
        _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64, _ judgement: inout Judgement
    ) {
        guard isNoBuffer(fields, in: bytes, number, &judgement) else { return }
        let path = bytes.extracting(fields.name)
        let digest = bytes.extracting(fields.digest.range)
        let value = Digest(digest)
        // A kernel hashes it with ima_hash= and over that bank: values of other banks tell nothing of this one.
        let known = bootAggregates.filter { $0.count == digest.count }
        let listing = policy?.file(path, digest) ?? .unlisted
        if number > 0 { judgement.kexec.bootAggregate = number }
        if listing == .allowed || known.contains(where: { $0 == value }) {
            if number > 0 { startKexecEpoch(&judgement) }
            return
        }
        // Behind record 0 any file of this name would pass by an exclude.
        if number == 0, policy?.excludes.containsBootAggregate(path, matcher) == true { return }
        if listing == .otherDigest || !known.isEmpty {
            let listed = expected(.paths, fields, bytes)
            let values = [listed.text].filter { !$0.isEmpty } + known.prefix(4).map(\.description)
            judgement.findings.add(
                Finding(
                    .digestMismatch, record: number, path: [UInt8](copying: path),
                    found: Self.text(fields.digest, bytes), expected: values.joined(separator: " or "),
                    remedy: known.isEmpty ? listed.remedy : nil))
        } else if policy != nil {
            judgement.findings.add(
                Finding(
                    .notInPolicy, record: number, path: [UInt8](copying: path), found: Self.text(fields.digest, bytes)))
        } else if options.requiresSignatures {
            judgement.findings.add(Finding(.notSigned, record: number, path: [UInt8](copying: path)))
        }
    }

    /// Ends what the keys of the kernel before may vouch for: they are on this one's keyrings only if it loads them, too.
    private func startKexecEpoch(_ judgement: inout Judgement) {
        judgement.keyrings = KeyringModel()
        judgement.signingKeys = givenKeys
        judgement.metadataKeys = givenMetadataKeys
    }

    /// `boot_aggregate`, or `boot_aggregate_late` where IMA starts behind a late TPM driver.
    static func isBootAggregate(_ name: Span<UInt8>) -> Bool {
        (name.count == 14 || name.count == 19) && (name.equals("boot_aggregate") || name.equals("boot_aggregate_late"))
    }

    /// What the policy lists under a record's name, for people, and what is to be done if it was made with another hash.
    func expected(
        _ table: CompiledPolicy.Table, _ fields: RecordFields, _ bytes: Span<UInt8>
    ) -> (text: String, remedy: String?) {
        guard let policy else { return ("", nil) }
        let name = bytes.extracting(fields.name)
        let text = policy.tables.expected(table, name).joined(separator: " or ")
        let size = fields.digest.range.count
        guard let hashes = policy.tables.otherHashes(table, name, thanOfSize: size) else { return (text, nil) }
        return (
            "\(text) (the policy lists it by \(hashes) only, the log has \(DigestMixture.hash(ofSize: size)))",
            "Nothing could be compared: make the policy with --hash \(fields.digest.hash.name) "
                + "(assay-verifier policy create), or of this host's log."
        )
    }

    /// A record's digest for people: `sha256:…`, `verity:sha256:…`.
    static func text(_ digest: RecordFields.FieldDigest, _ bytes: Span<UInt8>) -> String {
        (digest.type == .verity ? "verity:" : "") + "\(digest.hash.name):"
            + [UInt8](copying: bytes.extracting(digest.range)).hexadecimal
    }
}

extension Span<UInt8> {
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { text in
            for index in indices where self[index] != text[index] { return false }
            return true
        }
    }
}
