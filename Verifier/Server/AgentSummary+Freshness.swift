package import Appraisal
package import Store

extension AgentSummary {
    /// The tier that the agent has now: its last verdict's while that is fresh, and `none` of a revoked agent.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - maximumAge: seconds from a verdict's Challenge, never from any other contact, for which it stands.
    package func tier(at time: Int64, maximumAge: Int64) -> Tier {
        guard let verdict, agent.revokedAt == nil, age(at: time) ?? .max <= maximumAge else { return .none }
        return verdict.tier
    }

    /// Seconds since the last verdict's Challenge; nil before the first verdict.
    package func age(at time: Int64) -> Int64? {
        verdict.map { max(0, time - $0.challengedAt) }
    }
}
