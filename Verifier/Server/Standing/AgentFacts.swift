package import Appraisal
package import AssayCrypto
package import Store

/// What is known of an agent that its state follows from.
package struct AgentFacts: Hashable, Sendable {
    /// A log on its way: received, but not yet led to a quote.
    package struct Transfer: Hashable, Sendable {
        /// Records of the epoch that are here.
        package var recordsDone: UInt64
        /// Records that the quote covers.
        package var recordsTotal: UInt64
        /// Whether the host has booted since the last verdict.
        package var isNewEpoch: Bool
        /// When something last came, in seconds since 1970.
        package var updatedAt: Int64

        /// A transfer in progress.
        package init(recordsDone: UInt64, recordsTotal: UInt64, isNewEpoch: Bool, updatedAt: Int64) {
            self.recordsDone = recordsDone
            self.recordsTotal = recordsTotal
            self.isNewEpoch = isNewEpoch
            self.updatedAt = updatedAt
        }
    }

    /// When the agent was revoked, in seconds since 1970; nil if it wasn't.
    package var revokedAt: Int64?
    /// The last verdict; nil before the first.
    package var verdict: Verdict?
    /// Keys that vouched for records of the verdict and were denied since.
    package var deniedKeys: Set<Digest>
    /// Nil if nothing is on its way.
    package var transfer: Transfer?

    /// Facts.
    package init(
        revokedAt: Int64? = nil, verdict: Verdict? = nil, deniedKeys: Set<Digest> = [], transfer: Transfer? = nil
    ) {
        self.revokedAt = revokedAt
        self.verdict = verdict
        self.deniedKeys = deniedKeys
        self.transfer = transfer
    }

    /// The tier that the agent has now: its last verdict's while that is fresh, and `none` of a revoked agent. A verdict
    /// that rests on a key which was denied since no longer affirms.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - maximumAge: seconds from a verdict's Challenge, never from any other contact, for which it stands.
    package func tier(at time: Int64, maximumAge: Int64) -> Tier {
        guard let verdict, revokedAt == nil, age(at: time) ?? .max <= maximumAge else { return .none }
        return verdict.tier == .affirming && !deniedKeys.isEmpty ? .warning : verdict.tier
    }

    /// Seconds since the last verdict's Challenge; nil before the first verdict.
    package func age(at time: Int64) -> Int64? {
        verdict.map { max(0, time.subtractingReportingOverflow($0.challengedAt).partialValue) }
    }

    /// When the last verdict ceases to stand; nil before the first, and of a revoked agent.
    package func lapse(maximumAge: Int64) -> Int64? {
        guard revokedAt == nil else { return nil }
        return verdict.map { $0.challengedAt &+ maximumAge }
    }
}
