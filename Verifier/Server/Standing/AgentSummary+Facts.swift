package import Appraisal
package import Store

extension AgentSummary {
    /// What the agent's state follows from.
    package var facts: AgentFacts {
        AgentFacts(revokedAt: agent.revokedAt, verdict: verdict, deniedKeys: deniedKeys)
    }

    /// The tier that the agent has now; see ``AgentFacts/tier(at:maximumAge:)``.
    package func tier(at time: Int64, maximumAge: Int64) -> Tier {
        facts.tier(at: time, maximumAge: maximumAge)
    }

    /// Seconds since the last verdict's Challenge; nil before the first verdict.
    package func age(at time: Int64) -> Int64? { facts.age(at: time) }
}
