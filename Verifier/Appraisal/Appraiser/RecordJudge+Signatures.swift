internal import AssayCrypto
internal import Bytes
internal import IMA

/// The `sig` field: a signature over the record's own digest, by a key that may vouch for files.
extension RecordJudge {
    func check(_ fields: RecordFields, in bytes: Span<UInt8>, _ judgement: inout Judgement) -> SignatureCheck {
        let signature: FileSignature
        do {
            signature = try FileSignature(bytes, at: fields.signature)
        } catch {
            judgement.signatures.failed &+= 1
            return .bad("malformed signature: \(error)")
        }
        // A portable EVM signature stands here where there is no IMA signature; it says nothing of the digest alone.
        guard signature.kind != .portableEVM else { return .missing }
        if let problem = misfit(signature, fields) {
            judgement.signatures.failed &+= 1
            return .bad(problem)
        }
        guard let hash = signature.hash.algorithm,
            let digest = try? signature.signedDigest(for: bytes.extracting(fields.digest.range))
        else {
            judgement.signatures.failed &+= 1
            return .bad("hash \(signature.hash.name) isn't available")
        }
        guard let candidates = judgement.signingKeys.candidates(signature.keyID) else {
            return noKey(signature.keyID, among: judgement.signingKeys, &judgement)
        }
        let blob = bytes.extracting(fields.signature)
        for candidate in candidates {
            if verifies(
                signature, blob, digest, hash, ofFile: fields.digest.range, by: candidate, in: bytes, &judgement)
            {
                return .verified
            }
        }
        judgement.signatures.failed &+= 1
        return .bad("key \(signature.keyID) didn't sign this digest")
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

    func noKey(_ id: KeyID, among keys: SigningKeys, _ judgement: inout Judgement) -> SignatureCheck {
        if keys.isDenied(id) {
            judgement.signatures.refused &+= 1
            return .deniedKey(id)
        }
        if judgement.keyrings.unusable.contains(id) {
            judgement.signatures.refused &+= 1
            return .unusableKey(id)
        }
        judgement.signatures.unknownKey &+= 1
        return .unknownKey(id)
    }

    private func verifies(
        _ signature: FileSignature, _ blob: Span<UInt8>, _ digest: Digest, _ hash: HashAlgorithm,
        ofFile fileDigest: Range<Int>, by candidate: SigningKeys.Candidate, in bytes: Span<UInt8>,
        _ judgement: inout Judgement
    ) -> Bool {
        // The whole blob is remembered: its header says what kind of signature over which hash this is.
        let fingerprint = options.verifiedSignatures.map { _ in
            VerifiedSignatures.Fingerprint(key: candidate.fingerprint, digest: digest, blob: blob)
        }
        if let fingerprint, options.verifiedSignatures?.contains(fingerprint) == true {
            judgement.signatures.cached &+= 1
            return true
        }
        guard let key = candidate.material.publicKey,
            key.made(signature, in: bytes, over: digest, hash, ofFile: bytes.extracting(fileDigest))
        else { return false }
        judgement.signatures.verified &+= 1
        if let fingerprint { options.verifiedSignatures?.insert(fingerprint) }
        return true
    }
}
