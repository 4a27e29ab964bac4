import Appraisal
import AssayCrypto
import Bytes
import Store
import TPM
import Terminal

/// An agent's keyrings, for people and for scripts.
struct ShownKeyrings: Encodable {
    struct Keyring: Encodable {
        let name: String
        let keys: [Key]
    }

    struct Key: Encodable {
        let keyId: String
        let subject: String?
        /// SHA-256 of the SubjectPublicKeyInfo: what `deny` takes.
        let publicKeySha256: String
        /// SHA-256 of the certificate: what a policy lists. The public key's, if the key came bare.
        let certificateSha256: String
        /// The record of this epoch that brought it.
        let record: UInt64
        /// When a log of any epoch first brought it, in seconds since 1970.
        let firstSeen: Int64
        /// Null unless it is denied.
        let deniedSince: Int64?
    }

    let agent: String
    /// The TPM's reset counter: the boot epoch whose log brought the keys; null before the first.
    let resetCount: UInt32?
    let keyrings: [Keyring]

    init(of id: AgentID, in store: Store) throws(StoreError) {
        let snapshot = try store.snapshot(of: id)
        let denials = try store.denials()
        var sightings: [[UInt8]: [Digest: Int64]] = [:]
        for key in try store.keyHistory(of: id) {
            sightings[key.keyring, default: [:]][key.certificateFingerprint] = key.firstSeen
        }
        agent = id.description
        resetCount = snapshot.state?.clockInfo.resetCount
        let model = snapshot.appraisal?.keyrings.keyrings ?? [:]
        keyrings = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { name, keys in
            Keyring(
                name: escaped(name),
                keys: keys.map { key in
                    Key(
                        keyId: "\(key.keyID)", subject: key.subject,
                        publicKeySha256: "\(key.fingerprint)", certificateSha256: "\(key.certificateFingerprint)",
                        record: key.record,
                        firstSeen: sightings[name]?[key.certificateFingerprint] ?? key.firstSeen,
                        deniedSince: denials[key.fingerprint])
                })
        }
    }

    /// The tree: agent, keyrings, keys.
    func tree(on medium: Medium) -> [String] {
        let drawing = medium.drawing
        let count = keyrings.reduce(0) { $0 + $1.keys.count }
        var lines = [
            "\(agent), boot epoch \(resetCount.map { "\($0)" } ?? "-"): \(counted(count, "key")) on "
                + counted(keyrings.count, "keyring")
        ]
        for (index, keyring) in keyrings.enumerated() {
            let isLast = index == keyrings.count - 1
            lines.append((isLast ? drawing.lastBranch : drawing.branch) + keyring.name)
            for (position, key) in keyring.keys.enumerated() {
                lines += key.lines(
                    under: isLast ? drawing.lastStem : drawing.stem, isLast: position == keyring.keys.count - 1,
                    on: medium)
            }
        }
        return lines
    }
}

extension ShownKeyrings.Key {
    fileprivate func lines(under stem: String, isLast: Bool, on medium: Medium) -> [String] {
        let drawing = medium.drawing
        let branch = stem + (isLast ? drawing.lastBranch : drawing.branch)
        let leaf = stem + (isLast ? drawing.lastStem : drawing.stem) + "    "
        var title = "\(keyId)  \(subject ?? "-")"
        if let deniedSince { title += "  " + medium.styled("DENIED since \(readableTime(deniedSince))", .bad) }
        // A digest that is broken can't be copied: where a line has no room for it beside its name, it stands below.
        func facts(_ name: String, _ value: String) -> [String] {
            let line = leaf + name + String(repeating: " ", count: 13 - name.count) + value
            guard let width = medium.width, line.count > width else { return [line] }
            return [leaf + name, leaf + "  " + value]
        }
        return [branch + title] + facts("public key", publicKeySha256)
            + facts("certificate", certificateSha256 == publicKeySha256 ? "none, it came bare" : certificateSha256)
            + facts("since", "\(readableTime(firstSeen)), record \(readableCount(record))")
    }
}

/// A key that an agent's keyring has or had.
struct PastKey: Encodable {
    let keyring: String
    let keyId: String
    let subject: String?
    let publicKeySha256: String
    let certificateSha256: String
    let firstSeen: Int64
    let lastSeen: Int64
    /// The record that brought it last, and the epoch of that record.
    let record: UInt64
    let resetCount: UInt32
    /// Boot epochs in which it came.
    let epochs: UInt32
    /// Null while it is in the model.
    let goneAt: Int64?
    let deniedSince: Int64?

    init(_ key: KeySighting, deniedSince: Int64?) {
        keyring = escaped(key.keyring)
        keyId = "\(key.keyID)"
        subject = key.subject.map { escaped(text: $0) }
        publicKeySha256 = "\(key.fingerprint)"
        certificateSha256 = "\(key.certificateFingerprint)"
        firstSeen = key.firstSeen
        lastSeen = key.lastSeen
        record = key.record
        resetCount = key.resetCount
        epochs = key.epochs
        goneAt = key.goneAt
        self.deniedSince = deniedSince
    }

    var row: [String] {
        let presence = goneAt.map { "gone since \(readableTime($0))" } ?? "present"
        return [
            keyring, keyId, subject ?? "-", readableTime(firstSeen), readableTime(lastSeen), "\(epochs)",
            deniedSince == nil ? presence : "DENIED, " + presence, publicKeySha256,
        ]
    }
}
