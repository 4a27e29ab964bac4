internal import AssayCrypto
internal import IMA

extension PublicKey {
    /// Whether this key made a signature that security.ima or security.evm holds.
    ///
    /// - Parameters:
    ///   - bytes: what the signature was read from.
    ///   - signed: what it is over, as `FileSignature.signedDigest(for:)` gives it.
    ///   - digest: the digest of the file, or of its metadata: ML-DSA signs `FileSignature.fileID(for:)` of it itself, in
    ///     version 3 alone (Linux 7.2, security/integrity/digsig_asymmetric.c, `asymmetric_verify_v3_hashless`).
    func made(
        _ signature: FileSignature, in bytes: Span<UInt8>, over signed: Digest, _ hash: HashAlgorithm,
        ofFile digest: Span<UInt8>
    ) -> Bool {
        let content = bytes.extracting(signature.signature)
        guard let scheme = defaultScheme else {
            return signature.version == .three && verify(content, ofMessage: signature.fileID(for: digest).span)
        }
        return signed.withBytes { signed in
            verify(content, ofDigest: signed.bindMemory(to: UInt8.self).span, hash: hash, scheme: scheme)
        }
    }
}
