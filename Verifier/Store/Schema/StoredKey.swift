import Appraisal
import AssayCrypto
import Bytes

/// One learned key of one keyring of one agent.
struct StoredKey: StoredValue, Hashable {
    static let layout: UInt8 = 2
    static let oldestLayout: UInt8 = 1

    /// The keyring's name, as the log has it; the key in the database has only its digest, for a name may be long.
    let keyring: [UInt8]
    let key: LearnedKey

    init(_ key: LearnedKey, on keyring: [UInt8]) {
        self.keyring = keyring
        self.key = key
    }

    /// Where the digest of the certificate comes from: it need not be stored, and four keys fit a page without it.
    private enum CertificateDigest: UInt8 {
        /// It is the SHA-256 of the DER.
        case ofDER = 0
        /// The key came bare: it is the SubjectPublicKeyInfo's.
        case ofPublicKey = 1
        /// It follows.
        case stored = 2
    }

    init(reading reader: inout ByteReader) throws { try self.init(reading: &reader, layout: Self.layout) }

    init(reading reader: inout ByteReader, layout: UInt8) throws {
        keyring = try reader.field()
        let keyID = KeyID(try reader.integer())
        let source = layout == 1 ? CertificateDigest.stored : CertificateDigest(rawValue: try reader.u8())
        guard let source else { throw DamagedValue("an unknown source of a digest") }
        let stored = source == .stored ? try reader.digest() : nil
        let fingerprint = try reader.digest()
        let subject = try reader.optional { try $0.text() }
        let record: UInt64 = try reader.integer()
        let firstSeen = try reader.time()
        let der = try reader.field()
        let publicKeyStart = Int(clamping: try reader.integer(UInt32.self))
        let publicKeyCount = Int(clamping: try reader.integer(UInt32.self))
        var publicKey = ByteReader(der.span)
        _ = try publicKey.span(publicKeyStart)
        let derived = source == .ofDER ? PCRBank.sha256.digest(of: der) : fingerprint
        key = LearnedKey(
            keyID: keyID, certificateFingerprint: stored ?? derived, fingerprint: fingerprint, subject: subject,
            record: record, firstSeen: firstSeen,
            material: KeyMaterial(der: der, subjectPublicKeyInfo: try publicKey.array(publicKeyCount)))
    }

    func write(to writer: inout ByteWriter) {
        writer.field(keyring)
        writer.integer(key.keyID.value)
        if key.certificateFingerprint == PCRBank.sha256.digest(of: key.der) {
            writer.u8(CertificateDigest.ofDER.rawValue)
        } else if key.certificateFingerprint == key.fingerprint {
            writer.u8(CertificateDigest.ofPublicKey.rawValue)
        } else {
            writer.u8(CertificateDigest.stored.rawValue)
            writer.digest(key.certificateFingerprint)
        }
        writer.digest(key.fingerprint)
        writer.optional(key.subject) { $0.field($1.utf8) }
        writer.integer(key.record)
        writer.time(key.firstSeen)
        writer.field(key.der)
        // The SubjectPublicKeyInfo lies inside the certificate as it is: where, so that reading need not parse it.
        let range = key.der.firstRange(of: key.material.subjectPublicKeyInfo)
        writer.integer(UInt32(clamping: range?.lowerBound ?? 0))
        writer.integer(UInt32(clamping: range?.count ?? key.der.count))
    }

    /// A model's keys by their keys in the database: the agent, SHA-256 of the keyring's name and of the certificate.
    static func entries(of model: KeyringModel, agent: AgentID) -> [[UInt8]: StoredKey] {
        var entries: [[UInt8]: StoredKey] = [:]
        for (keyring, keys) in model.keyrings {
            let prefix = agent.key + PCRBank.sha256.digest(of: keyring).bytes
            for key in keys { entries[prefix + key.certificateFingerprint.bytes] = StoredKey(key, on: keyring) }
        }
        return entries
    }
}
