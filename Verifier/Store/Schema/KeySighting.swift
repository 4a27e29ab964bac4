import Appraisal
package import AssayCrypto
import Bytes

/// A key of an agent's keyring over all its boot epochs: it stays when the model of the keyrings begins anew.
package struct KeySighting: Hashable, Sendable {
    /// The keyring's name, bytes from the log.
    package let keyring: [UInt8]
    /// The id by which signatures name the key.
    package let keyID: KeyID
    /// SHA-256 of the certificate; of the SubjectPublicKeyInfo if the key came bare.
    package let certificateFingerprint: Digest
    /// SHA-256 of the SubjectPublicKeyInfo: what an operator denies.
    package let fingerprint: Digest
    /// The subject's common name; nil for a bare key.
    package let subject: String?
    /// The record that brought it last, and the boot epoch of that record.
    package var record: UInt64
    /// The TPM's reset counter of that epoch.
    package var resetCount: UInt32
    /// When a log first brought it, in seconds since 1970.
    package let firstSeen: Int64
    /// When a log last brought it.
    package var lastSeen: Int64
    /// Boot epochs in which it came.
    package var epochs: UInt32
    /// When it was found gone from the model; nil while it is in it.
    package var goneAt: Int64?

    /// A key's first appearance.
    init(_ key: LearnedKey, on keyring: [UInt8], resetCount: UInt32) {
        self.keyring = keyring
        keyID = key.keyID
        certificateFingerprint = key.certificateFingerprint
        fingerprint = key.fingerprint
        subject = key.subject
        record = key.record
        self.resetCount = resetCount
        firstSeen = key.firstSeen
        lastSeen = key.firstSeen
        epochs = 1
        goneAt = nil
    }

    /// The log brought it again.
    mutating func appear(_ key: LearnedKey, resetCount: UInt32) {
        if resetCount != self.resetCount { epochs &+= 1 }
        record = key.record
        self.resetCount = resetCount
        lastSeen = max(lastSeen, key.firstSeen)
        goneAt = nil
    }
}

extension KeySighting: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        keyring = try reader.field()
        keyID = KeyID(try reader.integer())
        certificateFingerprint = try reader.digest()
        fingerprint = try reader.digest()
        subject = try reader.optional { try $0.text() }
        record = try reader.integer()
        resetCount = try reader.integer()
        firstSeen = try reader.time()
        lastSeen = try reader.time()
        epochs = try reader.integer()
        goneAt = try reader.optional { try $0.time() }
    }

    func write(to writer: inout ByteWriter) {
        writer.field(keyring)
        writer.integer(keyID.value)
        writer.digest(certificateFingerprint)
        writer.digest(fingerprint)
        writer.optional(subject) { $0.field($1.utf8) }
        writer.integer(record)
        writer.integer(resetCount)
        writer.time(firstSeen)
        writer.time(lastSeen)
        writer.integer(epochs)
        writer.optional(goneAt) { $0.time($1) }
    }
}
