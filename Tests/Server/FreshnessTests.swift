import Appraisal
import Server
import Testing

@testable import Store

@Suite("How an agent stands") struct FreshnessTests {
    private func summary(_ tier: Tier?, revokedAt: Int64? = nil) throws -> AgentSummary {
        var agent = Agent(
            id: try AgentID("host-1"), attestationKeyPublic: [], attestationKeyName: [], enrolledAt: 0, policyName: nil)
        agent.revokedAt = revokedAt
        // Given, and heard of, long after its Challenge: only that counts.
        let verdict = tier.map {
            Verdict(
                tier: $0, challengedAt: 10_000, givenAt: 10_500, policyHash: nil, appraisedRecords: 1, excessRecords: 0,
                failures: [:], warnings: [:])
        }
        return AgentSummary(agent: agent, state: nil, verdict: verdict)
    }

    @Test("is its last verdict's tier, up to the maximum age and not beyond", arguments: Tier.allCases)
    func fresh(tier: Tier) throws {
        let summary = try summary(tier)
        #expect(summary.tier(at: 10_000, maximumAge: 600) == tier)
        #expect(summary.tier(at: 10_600, maximumAge: 600) == tier)
        #expect(summary.tier(at: 10_601, maximumAge: 600) == .none)
        #expect(summary.tier(at: 10_601, maximumAge: 601) == tier)
        #expect(summary.age(at: 10_601) == .seconds(601))
    }

    @Test("is none if the verdict is stamped later than now, but for a minute", arguments: Tier.allCases)
    func inTheFuture(tier: Tier) throws {
        var summary = try summary(tier)
        #expect(summary.age(at: 9_940) == .seconds(0))
        #expect(summary.tier(at: 9_940, maximumAge: 1) == tier)
        for time: Int64 in [9_939, 0, .min] {
            #expect(summary.age(at: time) == .inTheFuture)
            #expect(summary.tier(at: time, maximumAge: .max) == .none)
            #expect(
                AgentStanding(summary.facts, at: time, maximumAge: .max) == .unreachable(since: 10_000), "\(time)")
        }
        // Once that was found, it stays so: nobody knows when it was given.
        summary.withdrawnAt = 9_000
        #expect(summary.age(at: 10_001) == .inTheFuture)
        #expect(summary.tier(at: 10_001, maximumAge: 600) == .none)
        #expect(AgentStanding(summary.facts, at: 10_001, maximumAge: 600) == .unreachable(since: 10_000))
    }

    @Test("is none before the first verdict, and of a revoked agent")
    func none() throws {
        let new = try summary(nil)
        #expect(new.tier(at: 0, maximumAge: .max) == .none && new.age(at: 0) == nil)
        let revoked = try summary(.affirming, revokedAt: 10_001)
        #expect(revoked.tier(at: 10_001, maximumAge: 600) == .none)
    }
}
