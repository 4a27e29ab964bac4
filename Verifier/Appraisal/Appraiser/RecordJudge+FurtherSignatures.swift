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
}

// MARK: - Appended signatures

extension RecordJudge {
    /// A PKCS#7 signature over what the record has of the file without it, by a key that may vouch for files.
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
        switch signature.algorithm {
        case .ofDigest: return check(signature, blob, of: appended, in: bytes, &judgement)
        case .mlDSA(let set): return check(signature, set, blob, of: appended, in: bytes, &judgement)
        case .other(let identifier):
            judgement.signatures.refused &+= 1
            return .unusable("appended signature by algorithm \(identifier)", remedy: nil)
        }
    }

    /// One over the file's digest.
    private func check(
        _ signature: DetachedSignature, _ blob: Span<UInt8>, of appended: AppendedSignature, in bytes: Span<UInt8>,
        _ judgement: inout Judgement
    ) -> SignatureCheck {
        guard case .digest(let content) = appended.content else {
            return bad("the record has no digest of the file without its appended signature", &judgement)
        }
        guard let hash = content.hash.algorithm, hash.isAvailable, let digest = Digest(bytes.extracting(content.range))
        else { return bad("hash \(content.hash.name) isn't available", &judgement) }
        return check(signature, nil, blob, over: digest, &judgement) { key in
            guard let scheme = key.defaultScheme else { return false }
            return key.verify(signature.signature, ofDigest: digest.bytes, hash: hash, scheme: scheme)
        }
    }

    /// One by ML-DSA, over the attributes in which the file's digest stands. One without attributes is over the content of
    /// the file, which no log has.
    private func check(
        _ signature: DetachedSignature, _ set: MLDSA, _ blob: Span<UInt8>, of appended: AppendedSignature,
        in bytes: Span<UInt8>, _ judgement: inout Judgement
    ) -> SignatureCheck {
        guard set.isAvailable else {
            judgement.signatures.refused &+= 1
            return .unusable(
                "appended signature by \(set): \(MLDSA.requirement)", remedy: SignatureCheck.newerOpenSSL)
        }
        guard case .attributes(let range) = appended.content, !signature.signedAttributes.isEmpty else {
            judgement.signatures.refused &+= 1
            return .unusable(
                "appended signature by \(set) over the content of the file, of which the log has a digest alone",
                remedy: "Sign the module with signed attributes, sign the file (evmctl ima_sign), or list its digest.")
        }
        let attributes = [UInt8](copying: bytes.extracting(range))
        guard attributes == signature.signedAttributes else {
            return bad("the record's attributes aren't those of its appended signature", &judgement)
        }
        return check(signature, set, blob, over: PCRBank.sha256.digest(of: attributes), &judgement) { key in
            key.verify(signature.signature.span, ofMessage: attributes.span)
        }
    }

    private func check(
        _ signature: DetachedSignature, _ set: MLDSA?, _ blob: Span<UInt8>, over digest: Digest,
        _ judgement: inout Judgement, _ verify: (PublicKey) -> Bool
    ) -> SignatureCheck {
        let keys: [SigningKeys.Candidate]
        switch candidates(signature.signer, set, &judgement) {
        case .found(let candidates): keys = candidates
        case .none(let check): return check
        }
        if isMade(blob, over: digest, by: keys, &judgement, verify) { return .verified }
        // It was learned by a verifier with another OpenSSL.
        if keys.contains(where: { $0.material.publicKey == nil }) {
            judgement.signatures.refused &+= 1
            return .unusable(
                "the appended signature's key is of a kind that OpenSSL \(Libcrypto.version) can't use", remedy: nil)
        }
        return bad("the appended signature isn't the key's that it names", &judgement)
    }

    private enum Search {
        case found([SigningKeys.Candidate])
        case none(SignatureCheck)
    }

    /// The keys that a PKCS#7 signature may mean. A certificate that it brings along is no key of the host's.
    private func candidates(
        _ signer: DetachedSignature.Signer, _ set: MLDSA?, _ judgement: inout Judgement
    ) -> Search {
        switch signer {
        case .subjectKeyIdentifier(let identifier):
            guard let id = KeyID(lastBytesOf: identifier) else {
                return .none(bad("the appended signature names no key", &judgement))
            }
            if let keys = judgement.signingKeys.candidates(id) { return .found(keys) }
            return .none(noKey(id, among: judgement.signingKeys, set, &judgement))
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
            return noKey(of: signature, among: judgement.metadataKeys, &judgement)
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
        return failure(
            of: signature, by: keys, "EVM signature: key \(signature.keyID) didn't sign these metadata", &judgement)
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
            return noKey(of: signature, among: judgement.signingKeys, &judgement)
        }
        let isGood = isMade(bytes.extracting(range), over: signed, by: keys, &judgement) { key in
            key.made(signature, in: bytes, over: signed, hash, ofFile: fileDigest)
        }
        return isGood
            ? .verified : failure(of: signature, by: keys, Self.notSigned(by: signature.keyID), &judgement)
    }
}
