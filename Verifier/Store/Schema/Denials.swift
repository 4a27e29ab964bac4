import Appraisal
import AssayCrypto

/// What operators have denied and allowed again, and how far that is counted.
struct Denials {
    /// The deny generation.
    let generation: UInt64
    /// All keys that were ever denied.
    let keys: [DeniedKey]

    /// The keys that verify nothing now.
    var denied: Set<Digest> { Set(keys.lazy.filter(\.isDenied).map(\.keyHash)) }

    /// The keys that were denied or allowed since a state was judged.
    func news(since state: AttestationState) -> Set<Digest> {
        guard state.denyGeneration != generation else { return [] }
        return Set(
            keys.lazy.filter { $0.isNews(since: state.denyGeneration, now: generation) }.map(\.keyHash))
    }
}

extension Schema {
    func denials(_ transaction: borrowing some Transaction & ~Copyable) throws(StoreError) -> Denials {
        var keys: [DeniedKey] = []
        try transaction.scan(deniedKeys, prefix: []) { (_, value) throws(StoreError) in
            keys.append(try DeniedKey(stored: value, at: .init(database: deniedKeys.name)))
            return true
        }
        return Denials(generation: try counter(MetaKey.denyGeneration, transaction), keys: keys)
    }

    /// The keys of an agent's keyrings, or of the policy that judges it, that were denied or allowed since its state was
    /// judged: what they vouched for, or no longer could, must be judged again.
    func changedKeys(
        _ denials: Denials, _ state: AttestationState, of id: AgentID,
        _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Set<Digest> {
        let news = denials.news(since: state)
        guard !news.isEmpty else { return [] }
        var changed: Set<Digest> = []
        try transaction.scan(keyrings, prefix: id.key) { (_, value) throws(StoreError) in
            let key = try StoredKey(stored: value, at: .init(database: keyrings.name, agent: id.bytes)).key
            if news.contains(key.fingerprint) { changed.insert(key.fingerprint) }
            return true
        }
        guard let hash = state.policyHash,
            let compiled = try transaction.load(StoredPolicy.self, key: hash.bytes, in: compiledPolicies)
        else { return changed }
        // A compiled form of another release doesn't load; then the policy's keys count as changed.
        guard let policy = try? Policy(compiled: compiled.bytes) else { return news }
        return changed.union(news.intersection(policy.verificationKeyFingerprints))
    }
}
