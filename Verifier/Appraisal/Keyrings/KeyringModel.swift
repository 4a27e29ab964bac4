package import AssayCrypto

/// The keys that a host's kernel has loaded, by keyring, as its log told: a superset of what is loaded now, since the
/// kernel logs no removal.
///
/// Keyrings' names are bytes from the log. The policy's own keys are never in here, so that no name can reach them.
package struct KeyringModel: Hashable, Sendable {
    /// Keyring → keys, in the order in which they were learned. Ids collide: several keys may share one.
    package private(set) var keyrings: [[UInt8]: [LearnedKey]] = [:]
    /// Ids of listed keys that libcrypto can't use.
    package private(set) var unusable: Set<KeyID> = []

    /// No keys.
    package init() {}

    /// A model as it was stored.
    package init(keyrings: [[UInt8]: [LearnedKey]], unusable: Set<KeyID>) {
        self.keyrings = keyrings
        self.unusable = unusable
    }

    /// Keys, those of all keyrings.
    package var count: Int { keyrings.values.reduce(0) { $0 + $1.count } }

    /// The model as it was before a record.
    ///
    /// - Parameter unusable: the ids that were known by then: a model doesn't keep which record brought them.
    package func before(record: UInt64, unusable: Set<KeyID> = []) -> KeyringModel {
        let earlier = keyrings.mapValues { keys in keys.filter { $0.record < record } }
        return KeyringModel(keyrings: earlier.filter { !$0.value.isEmpty }, unusable: unusable)
    }

    /// Whether no key is known.
    package var isEmpty: Bool { keyrings.isEmpty && unusable.isEmpty }

    /// Adds a key; false if the keyring has it already, as after kexec or a repeated record.
    package mutating func learn(_ key: LearnedKey, on keyring: [UInt8]) -> Bool {
        if let keys = keyrings[keyring],
            keys.contains(where: { $0.certificateFingerprint == key.certificateFingerprint })
        {
            return false
        }
        keyrings[keyring, default: []].append(key)
        return true
    }

    /// Remembers the id of a listed key that can't be used, so that a signature that names it is explained.
    package mutating func noteUnusable(_ id: KeyID) {
        unusable.insert(id)
    }

    /// The keys of some keyrings that have an id.
    package func keys(_ id: KeyID, on scope: Set<[UInt8]>) -> [LearnedKey] {
        var result: [LearnedKey] = []
        for (name, keys) in keyrings where scope.contains(name) {
            for key in keys where key.keyID == id { result.append(key) }
        }
        return result
    }
}

/// Which keyrings may vouch for what (Linux, security/integrity/digsig.c).
package enum KeyringScope {
    /// For a file's signature.
    package static let files: Set<[UInt8]> = [Array(".ima".utf8), Array("_ima".utf8)]
    /// For a portable EVM signature.
    package static let metadata: Set<[UInt8]> = [Array(".evm".utf8), Array("_evm".utf8)]

    /// What a policy that says nothing means for a key on a keyring that it doesn't mention: names with a leading dot
    /// are the kernel's, `_ima` and `_evm` are trusted by kernels without those; any user can make the others.
    static func defaultAction(forUnlisted name: Span<UInt8>) -> PolicyAction {
        let bytes = name.withUnsafeBufferPointer { Array($0.prefix(8)) }
        return bytes.first == UInt8(ascii: ".") || bytes == Array("_ima".utf8) || bytes == Array("_evm".utf8)
            ? .fail : .warn
    }
}
