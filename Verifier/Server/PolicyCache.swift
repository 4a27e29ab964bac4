package import Appraisal
package import AssayCrypto
package import Store
import Synchronization

/// The policies in use, each loaded once for all sessions: immutable, looked up in place.
///
/// Those that a session holds are never loaded a second time. Beside them the ones that were used last are kept, within
/// a bound: a policy that nobody uses any more is let go once others have come.
package final class PolicyCache: Sendable {
    private struct Entry {
        weak var policy: Policy?
        /// Nil once it is let go: then it lives as long as a session uses it.
        var kept: Policy?
        var use: UInt64
    }

    private struct Entries {
        var all: [Digest: Entry] = [:]
        var uses: UInt64 = 0
    }

    /// How many policies are kept, and how many bytes of their compiled forms.
    private let maximumCount: Int
    private let maximumBytes: Int

    private let store: Store
    private let entries = Mutex(Entries())
    /// The one that was tried last, by its trial's number.
    private let tried = Mutex<(number: UInt64, policy: Policy)?>(nil)

    /// Loads from a store.
    package init(store: Store, maximumCount: Int = 64, maximumBytes: Int = 256 << 20) {
        self.store = store
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    /// The policy of a content hash.
    ///
    /// A compiled form that doesn't load (damaged, or of another release) is made again from the stored source.
    /// - Throws: `StoreError`, or `PolicyError` for a source that doesn't load either.
    package func policy(_ contentHash: Digest) throws -> Policy {
        if let policy = entries.withLock({ $0.all[contentHash]?.policy }) { return use(policy) }
        return use(try load(contentHash))
    }

    /// The policy that a trial tries. The last one is kept: its agents come one after the other.
    ///
    /// - Throws: `notFound` if the trial is over.
    package func policy(of trial: Trial) throws -> Policy {
        if let (number, policy) = tried.withLock(\.self), number == trial.number { return policy }
        guard let compiled = try store.policy(of: trial) else {
            throw StoreError(.notFound, "the trial is over")
        }
        let policy = try Policy(compiled: compiled)
        tried.withLock { $0 = (trial.number, policy) }
        return policy
    }

    /// Notes that a policy is used, and lets go what is used no more.
    ///
    /// - Returns: the one that all sessions share.
    private func use(_ policy: Policy) -> Policy {
        entries.withLock { entries in
            let policy = entries.all[policy.contentHash]?.policy ?? policy
            entries.uses += 1
            entries.all[policy.contentHash] = Entry(policy: policy, kept: policy, use: entries.uses)
            var count = 0
            var bytes = 0
            for (hash, entry) in entries.all.sorted(by: { $0.value.use > $1.value.use }) {
                guard let kept = entry.kept else { continue }
                count += 1
                bytes += kept.compiled.count
                // The one in use stays, however large it is.
                if count > 1, count > maximumCount || bytes > maximumBytes { entries.all[hash]?.kept = nil }
            }
            entries.all = entries.all.filter { $0.value.policy != nil }
            return policy
        }
    }

    /// How far a verdict covers what the host has booted, by the policy that gave it. One that is no longer in the store tells
    /// nothing.
    package func boot(of verdict: Verdict?) -> BootAppraisal {
        // These verdicts were given before the quoted values were looked at.
        let early: Set<Reason> = [.clockWentBack, .resetWentBack, .recordsMissing]
        guard let verdict, let hash = verdict.policyHash, early.isDisjoint(with: verdict.failures.keys) else {
            return .none
        }
        return BootAppraisal(by: try? policy(hash))
    }

    private func load(_ contentHash: Digest) throws -> Policy {
        if let compiled = try? store.compiledPolicy(contentHash), let policy = try? Policy(compiled: compiled),
            policy.contentHash == contentHash
        {
            return policy
        }
        guard let source = try store.policySource(contentHash) else {
            throw StoreError(.notFound, "the assigned policy \(contentHash) is not in the store")
        }
        return try Policy(storedSource: source)
    }
}
