package import AssayCrypto

extension Policy {
    /// SHA-256 of the SubjectPublicKeyInfo of each key that the policy itself brings.
    package var verificationKeyFingerprints: Set<Digest> { Set(verificationKeys.compactMap(\.publicKey?.fingerprint)) }
}
