package import AssayCrypto
import Glibc

// Denied keys. What a deny means for verdicts is not written anywhere: it follows from the generation that a state was
// judged under, so it holds for every agent from the moment on that the deny is durable.
extension Store {
    /// Denies a key, whoever brings it. Verdicts that rest on it no longer affirm, and those agents' logs are judged again
    /// from record 0; other agents are not affected.
    ///
    /// - Parameters:
    ///   - keyHash: SHA-256 of its SubjectPublicKeyInfo.
    ///   - time: seconds since 1970.
    package func deny(_ keyHash: Digest, at time: Int64) async throws(StoreError) {
        try await set(isDenied: true, keyHash, at: time, event: .keyDenied(keyHash))
    }

    /// Allows a key again. Agents that have it are judged again from record 0.
    ///
    /// - Parameter time: seconds since 1970.
    /// - Throws: `notDenied` if it isn't denied.
    package func allow(_ keyHash: Digest, at time: Int64 = currentTime()) async throws(StoreError) {
        try await set(isDenied: false, keyHash, at: time, event: .keyAllowed(keyHash))
    }

    private func set(isDenied: Bool, _ keyHash: Digest, at time: Int64, event: Event.Kind) async throws(StoreError) {
        try await change { (schema, transaction, changes) throws(StoreError) in
            let known = try transaction.load(DeniedKey.self, key: keyHash.bytes, in: schema.deniedKeys)
            guard isDenied || known?.isDenied == true else {
                throw StoreError(.notDenied, "the key \(keyHash) isn't denied")
            }
            // Denied once more it would only have its agents judged again.
            if isDenied, let known, known.isDenied { return }
            let generation = try schema.counter(Schema.MetaKey.denyGeneration, transaction) &+ 1
            let entry = DeniedKey(keyHash: keyHash, changedAt: time, isDenied: isDenied, generation: generation)
            changes.put(keyHash.bytes, entry.stored, in: schema.deniedKeys)
            changes.put(Schema.MetaKey.denyGeneration, schema.bigEndian(generation), in: schema.meta)
            try schema.record([event], of: nil, at: time, transaction, &changes)
        }
    }
}

/// Seconds since 1970.
package func currentTime() -> Int64 { Int64(time(nil)) }
