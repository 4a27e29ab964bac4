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
        /// Bytes of the epoch's log that are here.
        package var bytesDone: UInt64
        /// Bytes of all of it, as the agent says.
        package var bytesTotal: UInt64
        /// Bytes a second, since the connection's first shard was awaited; nil before a second has passed.
        package var bytesPerSecond: UInt64?

        /// A transfer in progress.
        package init(
            recordsDone: UInt64, recordsTotal: UInt64, isNewEpoch: Bool, updatedAt: Int64, bytesDone: UInt64 = 0,
            bytesTotal: UInt64 = 0, bytesPerSecond: UInt64? = nil
        ) {
            self.recordsDone = recordsDone
            self.recordsTotal = recordsTotal
            self.isNewEpoch = isNewEpoch
            self.updatedAt = updatedAt
            self.bytesDone = bytesDone
            self.bytesTotal = bytesTotal
            self.bytesPerSecond = bytesPerSecond
        }

        /// Records that are still to come.
        package var recordsRemaining: UInt64 { recordsTotal - min(recordsDone, recordsTotal) }
        /// Bytes that are still to come.
        package var bytesRemaining: UInt64 { bytesTotal - min(bytesDone, bytesTotal) }
        /// How long that will take at this rate; nil where there is none.
        package var secondsRemaining: UInt64? {
            guard let bytesPerSecond, bytesPerSecond > 0 else { return nil }
            return (bytesRemaining / bytesPerSecond) + (bytesRemaining.isMultiple(of: bytesPerSecond) ? 0 : 1)
        }
    }

    /// When the agent was revoked, in seconds since 1970; nil if it wasn't.
    package var revokedAt: Int64?
    /// The last verdict; nil before the first.
    package var verdict: Verdict?
    /// When the verdict was found to be stamped later than now, in seconds since 1970; nil if it wasn't.
    package var withdrawnAt: Int64?
    /// Keys that vouched for records of the verdict and were denied since.
    package var deniedKeys: Set<Digest>
    /// Nil if nothing is on its way.
    package var transfer: Transfer?

    /// Facts.
    package init(
        revokedAt: Int64? = nil, verdict: Verdict? = nil, withdrawnAt: Int64? = nil, deniedKeys: Set<Digest> = [],
        transfer: Transfer? = nil
    ) {
        self.revokedAt = revokedAt
        self.verdict = verdict
        self.withdrawnAt = withdrawnAt
        self.deniedKeys = deniedKeys
        self.transfer = transfer
    }

    /// What the last verdict found, by reason, and the keys that it rests on and that were denied since.
    package var reasons: [Reason: UInt64] {
        guard let verdict else { return [:] }
        var counts = verdict.byReason
        if !deniedKeys.isEmpty { counts[.keyDenied, default: 0] &+= UInt64(deniedKeys.count) }
        return counts
    }

    /// The tier that the agent has now: its last verdict's while that is fresh, and `none` of a revoked agent. A verdict
    /// that rests on a key which was denied since no longer affirms.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - maximumAge: seconds from a verdict's Challenge, never from any other contact, for which it stands.
    package func tier(at time: Int64, maximumAge: Int64) -> Tier {
        guard let verdict, revokedAt == nil, verdictStands(at: time, maximumAge: maximumAge) else { return .none }
        return verdict.tier == .affirming && !deniedKeys.isEmpty ? .warning : verdict.tier
    }

    /// The transfer, unless nothing has come of it for longer than a verdict stands.
    ///
    /// - Parameter time: seconds since 1970.
    package func transfer(at time: Int64, maximumAge: Int64) -> Transfer? {
        transfer.flatMap { Age(of: $0.updatedAt, at: time).isWithin(maximumAge) ? $0 : nil }
    }

    /// How long ago the last verdict's Challenge was; nil before the first verdict. One that was ever found to be in the
    /// future stays there: a clock that reaches its stamp says nothing of when it was given.
    package func age(at time: Int64) -> Age? {
        verdict.map { withdrawnAt == nil ? Age(of: $0.challengedAt, at: time) : .inTheFuture }
    }

    /// Whether the last verdict is fresh, whatever it says.
    func verdictStands(at time: Int64, maximumAge: Int64) -> Bool {
        age(at: time)?.isWithin(maximumAge) ?? false
    }

    /// When the last verdict ceases to stand; nil before the first, of one that was withdrawn, and of a revoked agent.
    package func lapse(maximumAge: Int64) -> Int64? {
        guard let verdict, revokedAt == nil, withdrawnAt == nil else { return nil }
        let (lapse, overflow) = verdict.challengedAt.addingReportingOverflow(maximumAge)
        return overflow ? .max : lapse
    }
}
