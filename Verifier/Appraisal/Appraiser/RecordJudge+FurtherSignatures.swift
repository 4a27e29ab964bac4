internal import AssayCrypto
internal import Bytes
internal import IMA

/// The signatures that don't stand in a `sig` field over the record's own digest: one that is appended to the file, and a
/// portable one of its metadata. Few records have one, so they are checked at once, where they stand in the log.
extension RecordJudge {
    func checkFurtherSignatures(
        _ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>, _ judgement: inout Judgement
    ) -> SignatureCheck {
        var check = SignatureCheck.missing
        if let appended = AppendedSignature(record, in: bytes, limits: options.limits) {
            check = self.check(appended, in: bytes, &judgement)
            if case .verified = check { return check }
        }
        if let metadata = FileMetadata(record, in: bytes, limits: options.limits), !metadata.signature.isEmpty {
            let other = self.check(metadata, record, fields, in: bytes, &judgement)
            if case .missing = other { return check }
            return other
        }
        return check
    }

    /// Whether one of the keys made a signature: because it is known to have, or by a public-key operation.
    private func isMade(
        _ blob: Span<UInt8>, over digest: Digest, by keys: [SigningKeys.Candidate], _ judgement: inout Judgement,
        _ verify: (PublicKey) -> Bool
    ) -> Bool {
        for candidate in keys {
            let fingerprint = VerifiedSignatures.Fingerprint(key: candidate.fingerprint, digest: digest, blob: blob)
            if options.verifiedSignatures?.contains(fingerprint) == true {
                judgement.signatures.cached &+= 1
                return true
            }
            guard let key = candidate.material.publicKey, verify(key) else { continue }
            judgement.signatures.verified &+= 1
            options.verifiedSignatures?.insert(fingerprint)
            return true
        }
        return false
    }

    private func bad(_ problem: String, _ judgement: inout Judgement) -> SignatureCheck {
        judgement.signatures.failed &+= 1
        return .bad(problem)
    }
}

// MARK: - Appended signatures

extension RecordJudge {
    /// A PKCS#7 signature over the digest of the file without it, by a key that may vouch for files.
    private func check(
        _ appended: AppendedSignature, in bytes: Span<UInt8>, _ judgement: inout Judgement
    ) -> SignatureCheck {
        let blob = bytes.extracting(appended.signature)
        let signature: DetachedSignature
        do throws(DetachedSignature.Malformed) {
            signature = try DetachedSignature(der: blob)
        } catch {
            return bad("appended signature: \(error)", &judgement)
        }
        if case .other(let identifier) = signature.algorithm {
            judgement.signatures.refused &+= 1
            return .unusableAlgorithm("appended signature by algorithm \(identifier)")
        }
        guard let hash = appended.digest.hash.algorithm, hash.isAvailable,
            let digest = Digest(bytes.extracting(appended.digest.range))
        else { return bad("hash \(appended.digest.hash.name) isn't available", &judgement) }
        let keys: [SigningKeys.Candidate]
        switch candidates(signature.signer, &judgement) {
        case .found(let candidates): keys = candidates
        case .none(let check): return check
        }
        let isGood = isMade(blob, over: digest, by: keys, &judgement) { key in
            guard let scheme = key.defaultScheme else { return false }
            return key.verify(signature.signature, ofDigest: digest.bytes, hash: hash, scheme: scheme)
        }
        return isGood ? .verified : bad("the appended signature isn't the key's that it names", &judgement)
    }

    private enum Search {
        case found([SigningKeys.Candidate])
        case none(SignatureCheck)
    }

    /// The keys that a PKCS#7 signature may mean. A certificate that it brings along is no key of the host's.
    private func candidates(_ signer: DetachedSignature.Signer, _ judgement: inout Judgement) -> Search {
        switch signer {
        case .subjectKeyIdentifier(let identifier):
            guard let id = KeyID(lastBytesOf: identifier) else {
                return .none(bad("the appended signature names no key", &judgement))
            }
            if let keys = judgement.signingKeys.candidates(id) { return .found(keys) }
            return .none(noKey(id, among: judgement.signingKeys, &judgement))
        case .issuerAndSerial(let name):
            let keys = judgement.signingKeys.candidates(issuerAndSerial: name)
            if !keys.isEmpty { return .found(keys) }
            if let id = judgement.signingKeys.deniedKey(issuerAndSerial: name) {
                judgement.signatures.refused &+= 1
                return .none(.deniedKey(id))
            }
            judgement.signatures.unknownKey &+= 1
            return .none(.unknownSigner("issuer and serial number \(name.hexadecimal)"))
        }
    }
}

// MARK: - Portable signatures of metadata

extension RecordJudge {
    /// A signature over the file's metadata, by a key that may vouch for those; it vouches for the file if the security.ima
    /// that it covers does.
    private func check(
        _ metadata: FileMetadata, _ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>,
        _ judgement: inout Judgement
    ) -> SignatureCheck {
        let signature: FileSignature
        do throws(FileSignature.Malformed) {
            signature = try FileSignature(bytes, at: metadata.signature)
        } catch {
            return bad("malformed EVM signature: \(error)", &judgement)
        }
        guard signature.kind == .portableEVM else {
            return bad("a signature of another kind than a portable EVM signature", &judgement)
        }
        // What isn't in the record can't be checked: neither good nor bad.
        guard metadata.owner != nil, metadata.group != nil, metadata.mode != nil else { return .missing }
        let digests = metadata.signedDigests(signature.hash, of: record, in: bytes)
        guard let hash = signature.hash.algorithm, !digests.isEmpty else {
            return bad("hash \(signature.hash.name) isn't available", &judgement)
        }
        guard let keys = judgement.metadataKeys.candidates(signature.keyID) else {
            return noKey(signature.keyID, among: judgement.metadataKeys, &judgement)
        }
        let blob = bytes.extracting(metadata.signature)
        for digest in digests {
            let fileDigest = digest.bytes
            guard let signed = try? signature.signedDigest(for: fileDigest.span) else { continue }
            let isGood = isMade(blob, over: signed, by: keys, &judgement) { key in
                key.made(signature, in: bytes, over: signed, hash, ofFile: fileDigest.span)
            }
            if isGood { return covered(metadata, record, fields, in: bytes, &judgement) }
        }
        return bad("EVM signature: key \(signature.keyID) didn't sign these metadata", &judgement)
    }

    /// The security.ima that a portable signature covers: a hash of the file, or a signature of it.
    private func covered(
        _ metadata: FileMetadata, _ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>,
        _ judgement: inout Judgement
    ) -> SignatureCheck {
        guard let range = metadata.attribute("security.ima", of: record, in: bytes), !range.isEmpty else {
            return bad("the EVM signature covers no security.ima", &judgement)
        }
        let value = bytes.extracting(range)
        switch value[0] {
        case 1, 4:
            // IMA_XATTR_DIGEST is SHA-1 or MD5 without a name; IMA_XATTR_DIGEST_NG names its hash.
            let header = value[0] == 1 ? 1 : 2
            let names = value[0] == 1 || value.count > 1 && KernelHash(rawValue: value[1]) == fields.digest.hash
            let isOld = fields.digest.hash == .sha1 || fields.digest.hash == .md5
            guard names, value[0] == 4 || isOld, value.count >= header, fields.digest.type == .ima,
                let digest = Digest(bytes.extracting(fields.digest.range)),
                digest.equals(value.extracting(droppingFirst: header))
            else { return bad("the security.ima under the EVM signature is of another digest", &judgement) }
            return .verified
        case FileSignature.Kind.file.rawValue, FileSignature.Kind.verity.rawValue:
            return check(signatureAt: range, fields, in: bytes, &judgement)
        default: return bad("the security.ima under the EVM signature has type \(value[0])", &judgement)
        }
    }

    /// A signature over the record's own digest, by a key that may vouch for files.
    private func check(
        signatureAt range: Range<Int>, _ fields: RecordFields, in bytes: Span<UInt8>, _ judgement: inout Judgement
    ) -> SignatureCheck {
        let signature: FileSignature
        do throws(FileSignature.Malformed) {
            signature = try FileSignature(bytes, at: range)
        } catch {
            return bad("malformed signature under the EVM signature: \(error)", &judgement)
        }
        if let problem = misfit(signature, fields) { return bad(problem, &judgement) }
        let fileDigest = bytes.extracting(fields.digest.range)
        guard let hash = signature.hash.algorithm, let signed = try? signature.signedDigest(for: fileDigest) else {
            return bad("hash \(signature.hash.name) isn't available", &judgement)
        }
        guard let keys = judgement.signingKeys.candidates(signature.keyID) else {
            return noKey(signature.keyID, among: judgement.signingKeys, &judgement)
        }
        let isGood = isMade(bytes.extracting(range), over: signed, by: keys, &judgement) { key in
            key.made(signature, in: bytes, over: signed, hash, ofFile: fileDigest)
        }
        return isGood ? .verified : bad("key \(signature.keyID) didn't sign this digest", &judgement)
    }
}
