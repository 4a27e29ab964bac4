package import Appraisal
package import AssayCrypto
package import Store
import Synchronization

/// The policies in use, each loaded once for all sessions: immutable, looked up in place.
package final class PolicyCache: Sendable {
    private let store: Store
    private let policies = Mutex<[Digest: Policy]>([:])
    /// The one that was tried last, by its trial's number.
    private let tried = Mutex<(number: UInt64, policy: Policy)?>(nil)

    /// Loads from a store.
    package init(store: Store) {
        self.store = store
    }

    /// The policy of a content hash.
    ///
    /// A compiled form that doesn't load (damaged, or of another release) is made again from the stored source.
    /// - Throws: `StoreError`, or `PolicyError` for a source that doesn't load either.
    package func policy(_ contentHash: Digest) throws -> Policy {
        if let policy = policies.withLock({ $0[contentHash] }) { return policy }
        let policy = try load(contentHash)
        policies.withLock { $0[contentHash] = policy }
        return policy
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
