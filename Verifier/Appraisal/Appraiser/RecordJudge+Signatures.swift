internal import AssayCrypto
internal import Bytes
internal import IMA

/// The `sig` field: a signature over the record's own digest, by a key that may vouch for files.
extension RecordJudge {
    /// Looks at a signature; one that only a public-key operation can tell good from bad is left to the batch.
    func check(
        _ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64,
        _ judgement: inout Judgement
    ) -> SignatureCheck {
        let signature: FileSignature
        do {
            signature = try FileSignature(bytes, at: fields.signature)
        } catch {
            return bad("malformed signature: \(error)", &judgement)
        }
        // A portable EVM signature stands here where there is no IMA signature; it says nothing of the digest alone.
        guard signature.kind != .portableEVM else { return .missing }
        if let problem = misfit(signature, fields) { return bad(problem, &judgement) }
        guard let hash = signature.hash.algorithm,
            let digest = try? signature.signedDigest(for: bytes.extracting(fields.digest.range))
        else { return bad("hash \(signature.hash.name) isn't available", &judgement) }
        guard let candidates = judgement.signingKeys.candidates(signature.keyID) else {
            return noKey(of: signature, among: judgement.signingKeys, &judgement)
        }
        if isRemembered(digest, bytes.extracting(fields.signature), candidates) {
            judgement.signatures.cached &+= 1
            return .verified
        }
        judgement.pending.append(
            number, fields, signature, digest, hash, candidates, data: record.templateData, of: bytes)
        return .pending
    }

    /// What keeps a signature from being one of this digest, whoever made it.
    func misfit(_ signature: FileSignature, _ fields: RecordFields) -> String? {
        guard signature.hash == fields.digest.hash else {
            return "the signature is over \(signature.hash.name), the record over \(fields.digest.hash.name)"
        }
        guard (signature.kind == .verity) == (fields.digest.type == .verity) else {
            return "a signature of a file's digest and one of its fs-verity digest don't stand in for each other"
        }
        guard signature.kind != .verity || signature.version == .three else {
            return "a signature of an fs-verity digest has version 3"
        }
        return nil
    }

    /// What a signature is whose key isn't among those that may have made it.
    func noKey(
        of signature: FileSignature, among keys: SigningKeys, _ judgement: inout Judgement
    ) -> SignatureCheck {
        if signature.isLeftByOldEvmctl { return bad(Self.leftByOldEvmctl, &judgement) }
        return noKey(signature.keyID, among: keys, signature.likelySet, &judgement)
    }

    /// The same of any signature.
    ///
    /// - Parameter set: the parameters of ML-DSA that the signature seems to be of.
    func noKey(
        _ id: KeyID, among keys: SigningKeys, _ set: MLDSA?, _ judgement: inout Judgement
    ) -> SignatureCheck {
        if keys.isDenied(id) {
            judgement.signatures.refused &+= 1
            return .deniedKey(id)
        }
        if keys.isUnusable(id) || judgement.keyrings.unusable.contains(id) {
            return unusable(id, set, &judgement)
        }
        judgement.signatures.unknownKey &+= 1
        return .unknownKey(id)
    }

    /// What a signature is that none of the keys with its id made.
    func failure(
        of signature: FileSignature, by keys: [SigningKeys.Candidate], _ problem: String, _ judgement: inout Judgement
    ) -> SignatureCheck {
        if signature.isLeftByOldEvmctl { return bad(Self.leftByOldEvmctl, &judgement) }
        for candidate in keys {
            // It was learned by a verifier with another OpenSSL.
            guard let key = candidate.material.publicKey else {
                return unusable(signature.keyID, signature.likelySet, &judgement)
            }
            guard case .moduleLattice(let set) = key.kind else { continue }
            let count = signature.signature.count
            if count < set.signatureBytes {
                return bad("cut short: \(count) of \(set.signatureBytes) bytes of a signature of \(set)", &judgement)
            }
            guard signature.version == .three else {
                return bad("version 2: the kernel takes \(set) in version 3 alone", &judgement)
            }
        }
        return bad(problem, &judgement)
    }

    func bad(_ problem: String, _ judgement: inout Judgement) -> SignatureCheck {
        judgement.signatures.failed &+= 1
        return .bad(problem)
    }

    func unusable(_ id: KeyID, _ set: MLDSA?, _ judgement: inout Judgement) -> SignatureCheck {
        judgement.signatures.refused &+= 1
        return .unusableKey(id, set)
    }

    private static let leftByOldEvmctl =
        "cut short: 1015 bytes, as evmctl 1.6.2 and older leave of an ML-DSA signature; sign with one that has --v3"

    /// Whether one of the keys is known to have made the signature. The whole blob is remembered: its header says what
    /// kind of signature over which hash this is.
    private func isRemembered(
        _ digest: Digest, _ blob: Span<UInt8>, _ candidates: [SigningKeys.Candidate]
    ) -> Bool {
        guard let memory = options.verifiedSignatures else { return false }
        for candidate in candidates {
            if memory.contains(.init(key: candidate.fingerprint, digest: digest, blob: blob)) { return true }
        }
        return false
    }
}

// MARK: - The batch's end

extension RecordJudge {
    /// Ends the records whose signatures were waited for, in the log's order.
    ///
    /// - Parameter results: of those that were taken, or if none were of those that are pending. What they leave open is
    ///   verified here.
    func settle(_ results: SignatureResults, _ judgement: inout Judgement) {
        let batch = judgement.taken ?? judgement.pending
        if judgement.taken == nil { judgement.pending = SignatureBatch() }
        judgement.taken = nil
        for (index, item) in batch.items.enumerated() {
            let result = results[index]
            switch result == .open ? batch.verify(item) : result {
            case .good(let candidate) where item.candidates.indices.contains(candidate):
                remember(item, item.candidates[candidate], batch, &judgement)
            case .good, .bad, .open:
                let check = failure(
                    of: item.signature, by: item.candidates, Self.notSigned(by: item.signature.keyID), &judgement)
                judge(item.fields, check, in: batch.bytes.span, item.number, &judgement)
            }
        }
    }

    static func notSigned(by id: KeyID) -> String { "key \(id) didn't sign this digest" }

    private func remember(
        _ item: SignatureBatch.Item, _ candidate: SigningKeys.Candidate, _ batch: SignatureBatch,
        _ judgement: inout Judgement
    ) {
        let blob = batch.bytes.span.extracting(item.fields.signature)
        let fingerprint = VerifiedSignatures.Fingerprint(key: candidate.fingerprint, digest: item.digest, blob: blob)
        // The batch may hold the same signature twice.
        if options.verifiedSignatures?.insert(fingerprint) ?? true {
            judgement.signatures.verified &+= 1
        } else {
            judgement.signatures.cached &+= 1
        }
    }
}
