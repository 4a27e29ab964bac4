import Appraisal
import AssayCrypto
import Bytes

/// One learned key of one keyring of one agent.
struct StoredKey: StoredValue, Hashable {
    static let layout: UInt8 = 1

    /// The keyring's name, as the log has it; the key in the database has only its digest, for a name may be long.
    let keyring: [UInt8]
    let key: LearnedKey

    init(_ key: LearnedKey, on keyring: [UInt8]) {
        self.keyring = keyring
        self.key = key
    }

    init(reading reader: inout ByteReader) throws {
        keyring = try reader.field()
        let keyID = KeyID(try reader.integer())
        let certificateFingerprint = try reader.digest()
        let fingerprint = try reader.digest()
        let subject = try reader.optional { try $0.text() }
        let record: UInt64 = try reader.integer()
        let firstSeen = try reader.time()
        let der = try reader.field()
        let publicKeyStart = Int(clamping: try reader.integer(UInt32.self))
        let publicKeyCount = Int(clamping: try reader.integer(UInt32.self))
        var publicKey = ByteReader(der.span)
        _ = try publicKey.span(publicKeyStart)
        key = LearnedKey(
            keyID: keyID, certificateFingerprint: certificateFingerprint, fingerprint: fingerprint, subject: subject,
            record: record, firstSeen: firstSeen,
            material: KeyMaterial(der: der, subjectPublicKeyInfo: try publicKey.array(publicKeyCount)))
    }

    func write(to writer: inout ByteWriter) {
        writer.field(keyring)
        writer.integer(key.keyID.value)
        writer.digest(key.certificateFingerprint)
        writer.digest(key.fingerprint)
        writer.optional(key.subject) { $0.field($1.utf8) }
        writer.integer(key.record)
        writer.time(key.firstSeen)
        writer.field(key.der)
        // The SubjectPublicKeyInfo lies inside the certificate as it is: where, so that reading need not parse it.
        let range = key.der.firstRange(of: key.material.publicKey?.subjectPublicKeyInfo ?? key.der)
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
