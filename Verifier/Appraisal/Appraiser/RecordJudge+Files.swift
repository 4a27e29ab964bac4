internal import AssayCrypto
internal import Bytes
internal import IMA

/// Rule 6: a file passes if its path is excluded, a key in scope signed its digest, or the digest is listed for it.
extension RecordJudge {
    func file(
        _ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64,
        _ judgement: inout Judgement
    ) {
        let path = bytes.extracting(fields.name)
        if fields.signature.isEmpty, !fields.hasFurtherSignature {
            guard isNoBuffer(fields, in: bytes, number, &judgement) else { return }
            guard let policy else {
                if options.requiresSignatures { add(nil, .missing, fields, bytes, number, &judgement) }
                return
            }
            // A look-up is cheaper than an expression: which of the two lets the file pass makes no difference.
            let listing = listing(fields, bytes, policy)
            if listing == .allowed || policy.excludes.contains(path, matcher) { return }
            // A template without the field says nothing about signatures, unless they are asked for.
            let asksForSignature = options.requiresSignatures || fields.asksForSignature
            add(listing, asksForSignature ? .missing : nil, fields, bytes, number, &judgement)
            return
        }
        if policy?.excludes.contains(path, matcher) == true {
            _ = isNoBuffer(fields, in: bytes, number, &judgement)
            return
        }
        let further =
            fields.hasFurtherSignature ? checkFurtherSignatures(record, fields, in: bytes, &judgement) : .missing
        if case .verified = further { return }
        let signature =
            fields.signature.isEmpty ? .missing : check(record, fields, in: bytes, number, &judgement)
        switch signature {
        case .verified, .pending: return
        case .missing: judge(fields, further, in: bytes, number, &judgement)
        case .bad, .unknownKey, .unknownSigner, .unusable, .deniedKey:
            judge(fields, signature, in: bytes, number, &judgement)
        }
    }

    /// Judges a file whose signature lets it not pass.
    func judge(
        _ fields: RecordFields, _ signature: SignatureCheck, in bytes: Span<UInt8>, _ number: UInt64,
        _ judgement: inout Judgement
    ) {
        note(signature, fields, bytes, number, &judgement)
        guard isNoBuffer(fields, in: bytes, number, &judgement) else { return }
        guard let policy else {
            if options.requiresSignatures { add(nil, signature, fields, bytes, number, &judgement) }
            return
        }
        let listing = listing(fields, bytes, policy)
        if listing != .allowed { add(listing, signature, fields, bytes, number, &judgement) }
    }

    /// Keeps a bad signature for people to see: it is no finding where the file's digest is listed.
    private func note(
        _ signature: SignatureCheck, _ fields: RecordFields, _ bytes: Span<UInt8>, _ number: UInt64,
        _ judgement: inout Judgement
    ) {
        guard case .bad(let problem) = signature,
            judgement.badSignatures.count < AppraisalOutcome.BadSignature.keptLimit
        else { return }
        let path = bytes.extracting(fields.name)
        judgement.badSignatures.append(
            .init(
                record: number, path: [UInt8](copying: path.extracting(first: Findings.textLimit)),
                problem: escaped(text: problem)))
    }

    private func listing(_ fields: RecordFields, _ bytes: Span<UInt8>, _ policy: Policy) -> DigestTable.Listing {
        let path = bytes.extracting(fields.name)
        // The digest of an fs-verity descriptor is none of the file, though it looks like one.
        if fields.digest.type == .verity {
            return policy.tables.paths.contains(path, in: policy.tables.bytes) ? .otherDigest : .unlisted
        }
        return policy.file(path, bytes.extracting(fields.digest.range))
    }

    /// The findings of a file that didn't pass: what the policy says of it, and its signature beside that.
    private func add(
        _ listing: DigestTable.Listing?, _ signature: SignatureCheck?, _ fields: RecordFields, _ bytes: Span<UInt8>,
        _ number: UInt64, _ judgement: inout Judgement
    ) {
        let path = [UInt8](copying: bytes.extracting(fields.name))
        if let listing {
            let reason: Reason = listing == .unlisted ? .notInPolicy : .digestMismatch
            let expected = expected(.paths, fields, bytes)
            let isVerity = fields.digest.type == .verity
            let remedy = isVerity ? "Sign the file's fs-verity digest, or exclude its path." : expected.remedy
            judgement.findings.add(
                Finding(
                    reason, record: number, path: path, found: Self.text(fields.digest, bytes),
                    expected: isVerity ? "a version 3 signature of it" : expected.text,
                    remedy: remedy ?? (path.span.beginsWithSlash || listing != .unlisted ? nil : Self.unrootedRemedy)))
        }
        guard let signature, let reason = signature.reason else { return }
        judgement.findings.add(
            Finding(reason, record: number, path: path, found: signature.detail, remedy: signature.remedy))
    }
}

extension RecordJudge {
    /// What to do about a file that isn't found by a path: a memfd, or one on a mount that no path leads to.
    private static let unrootedRemedy =
        "Add the name and its digest to the policy; excludes fit paths alone. If any file so named may pass, whoever made it, "
        + "write an expression under assay.unrooted_names."
}

/// What became of a record's signature.
enum SignatureCheck {
    case missing
    case verified
    /// It is in the batch, which decides later.
    case pending
    case bad(String)
    case unknownKey(KeyID)
    /// A signer who is named otherwise, and whom nobody brought.
    case unknownSigner(String)
    /// By a key or an algorithm that can't be used here.
    ///
    /// - remedy: nil for the reason's own.
    case unusable(String, remedy: String?)
    case deniedKey(KeyID)

    /// By a key that is known and can't be used.
    ///
    /// - Parameter set: the parameters of ML-DSA that the signature seems to be of.
    static func unusableKey(_ id: KeyID, _ set: MLDSA?) -> SignatureCheck {
        guard let set else {
            return .unusable("key id \(id), of a kind that OpenSSL \(Libcrypto.version) can't use", remedy: nil)
        }
        guard set.isAvailable else {
            return .unusable("key id \(id), a signature of \(set): \(MLDSA.requirement)", remedy: newerOpenSSL)
        }
        return .unusable(
            "key id \(id), of \(set): no key that the verifier's OpenSSL could use when the host's log named it",
            remedy: "Have the log appraised again from record 0 (agents reattest, or appraise without --state).")
    }

    /// What an operator does where ML-DSA is missing.
    static let newerOpenSSL = "Run the verifier with OpenSSL 3.5 or later, which has ML-DSA, or list the file's digest."

    /// The reason that stands beside a file's finding; nil if it verified, or isn't known yet.
    var reason: Reason? {
        switch self {
        case .missing: .notSigned
        case .verified, .pending: nil
        case .bad: .badSignature
        case .unknownKey, .unknownSigner: .unknownKey
        case .unusable: .unsupportedKey
        case .deniedKey: .keyDenied
        }
    }

    /// What the operator can do; nil for the reason's own words.
    var remedy: String? {
        if case .unusable(_, let remedy) = self { remedy } else { nil }
    }

    /// What was found, for people.
    var detail: String {
        switch self {
        case .missing, .verified, .pending: ""
        case .bad(let problem), .unknownSigner(let problem), .unusable(let problem, _): problem
        case .unknownKey(let id), .deniedKey(let id): "key id \(id)"
        }
    }
}
