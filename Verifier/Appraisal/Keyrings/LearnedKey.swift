package import AssayCrypto
internal import Bytes

/// A key that the kernel loaded onto a keyring, as a record of the log told.
package struct LearnedKey: Hashable, Sendable {
    /// The id by which a signature names it.
    package let keyID: KeyID
    /// SHA-256 of the certificate; of the SubjectPublicKeyInfo if the key came bare.
    package let certificateFingerprint: Digest
    /// SHA-256 of the SubjectPublicKeyInfo: what an operator denies.
    package let fingerprint: Digest
    /// The subject's common name; nil for a bare key.
    package let subject: String?
    /// The record that brought it, counted from record 0 of the boot epoch.
    package let record: UInt64
    /// When it was first seen, in seconds since 1970.
    package let firstSeen: Int64
    /// The key itself.
    package let material: KeyMaterial

    /// The certificate or SubjectPublicKeyInfo.
    package var der: [UInt8] { material.der }

    /// What a buffer brings.
    ///
    /// - Returns: nil if the buffer is neither a certificate nor a SubjectPublicKeyInfo.
    package static func read(_ buffer: [UInt8], record: UInt64, firstSeen: Int64) -> Reading? {
        // A SEQUENCE with a two-byte length is what every certificate and key begins with: spare libcrypto the rest.
        guard buffer.first == 0x30, buffer.count > 32 else { return nil }
        if let certificate = try? Certificate(der: buffer) {
            guard let id = certificate.keyID else { return .unusable(nil) }
            guard let key = try? certificate.publicKey(), key.isUsable else { return .unusable(id) }
            return .key(
                LearnedKey(
                    keyID: id, certificateFingerprint: certificate.fingerprint, fingerprint: key.fingerprint,
                    subject: certificate.commonName, record: record, firstSeen: firstSeen,
                    material: KeyMaterial(der: buffer, publicKey: key)))
        }
        let key: PublicKey
        do throws(CryptoError) {
            key = try PublicKey(subjectPublicKeyInfo: buffer)
        } catch {
            guard error.code == .unsupported else { return nil }
            return .unusable(try? PublicKey.keyID(ofSubjectPublicKeyInfo: buffer))
        }
        guard key.isUsable else { return .unusable(key.keyID) }
        return .key(
            LearnedKey(
                keyID: key.keyID, certificateFingerprint: key.fingerprint, fingerprint: key.fingerprint, subject: nil,
                record: record, firstSeen: firstSeen, material: KeyMaterial(der: buffer, publicKey: key)))
    }

    /// A buffer that holds a key.
    package enum Reading: Sendable {
        /// A key that can verify signatures.
        case key(LearnedKey)
        /// A key of a type that libcrypto can't use, and its id if it has one.
        case unusable(KeyID?)
    }

    /// A key as it was stored.
    package init(
        keyID: KeyID, certificateFingerprint: Digest, fingerprint: Digest, subject: String?, record: UInt64,
        firstSeen: Int64, material: KeyMaterial
    ) {
        self.keyID = keyID
        self.certificateFingerprint = certificateFingerprint
        self.fingerprint = fingerprint
        self.subject = subject.map { escaped(text: $0) }
        self.record = record
        self.firstSeen = firstSeen
        self.material = material
    }

    /// A key as it was stored, from its DER alone; nil if that is no key that can be used.
    package init?(der: [UInt8], record: UInt64, firstSeen: Int64) {
        guard case .key(let key)? = Self.read(der, record: record, firstSeen: firstSeen) else { return nil }
        self = key
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.keyID == right.keyID && left.certificateFingerprint == right.certificateFingerprint
            && left.record == right.record && left.firstSeen == right.firstSeen
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(keyID)
        hasher.combine(certificateFingerprint)
    }
}
