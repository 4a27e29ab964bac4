import Appraisal
import AssayCrypto
import Server
import Testing

@testable import Store

@Suite("The states that an agent can be in") struct StandingTests {
    private func verdict(_ tier: Tier, at time: Int64 = 10_000) -> Verdict {
        Verdict(
            tier: tier, challengedAt: time, givenAt: time, policyHash: nil, appraisedRecords: 1, excessRecords: 0,
            failures: tier == .contraindicated ? [.badSignature: 3] : [:], warnings: [:])
    }

    private func transfer(newEpoch: Bool = false, at time: Int64 = 10_050) -> AgentFacts.Transfer {
        .init(recordsDone: 1_200, recordsTotal: 60_000, isNewEpoch: newEpoch, updatedAt: time)
    }

    private func standing(_ facts: AgentFacts, at time: Int64 = 10_100) -> AgentStanding {
        AgentStanding(facts, at: time, maximumAge: 600)
    }

    @Test("never attested, until there is a verdict or a log on its way")
    func never() {
        #expect(standing(AgentFacts()) == .neverAttested)
        #expect(standing(AgentFacts(transfer: transfer())) == .behind(transfer()))
        // No verdict, so no epoch that could have changed.
        #expect(standing(AgentFacts(transfer: transfer(newEpoch: true))) == .behind(transfer(newEpoch: true)))
    }

    @Test("current, while the verdict stands", arguments: [Tier.affirming, .warning, .none])
    func current(tier: Tier) {
        #expect(standing(AgentFacts(verdict: verdict(tier))) == .current)
        #expect(standing(AgentFacts(verdict: verdict(tier)), at: 10_600) == .current)
    }

    @Test(
        "unreachable, when the verdict is too old to stand: whatever it was, that isn't distrust",
        arguments: Tier.allCases)
    func unreachable(tier: Tier) {
        #expect(standing(AgentFacts(verdict: verdict(tier)), at: 10_601) == .unreachable(since: 10_000))
    }

    @Test("contraindicated, with its reasons, also while another transfer is under way")
    func contraindicated() {
        let bad = verdict(.contraindicated)
        #expect(standing(AgentFacts(verdict: bad)) == .contraindicated([.badSignature: 3]))
        #expect(standing(AgentFacts(verdict: bad, transfer: transfer())) == .contraindicated([.badSignature: 3]))
        #expect(
            standing(AgentFacts(verdict: bad, transfer: transfer(newEpoch: true)))
                == .contraindicated([.badSignature: 3]))
    }

    @Test("behind, while a transfer is in progress, and unreachable when that is too old, too")
    func behind() {
        let facts = AgentFacts(verdict: verdict(.affirming), transfer: transfer())
        #expect(standing(facts) == .behind(transfer()))
        // The verdict lapsed at 10,600; the host was heard of at 10,050.
        #expect(standing(facts, at: 10_640) == .behind(transfer()))
        #expect(standing(facts, at: 10_651) == .unreachable(since: 10_000))
    }

    @Test("reboot seen, while the new epoch's log is on its way")
    func reboot() {
        let facts = AgentFacts(verdict: verdict(.affirming), transfer: transfer(newEpoch: true))
        #expect(standing(facts) == .rebootSeen(transfer(newEpoch: true)))
    }

    @Test("revoked, whatever else holds")
    func revoked() {
        let facts = AgentFacts(
            revokedAt: 10_010, verdict: verdict(.contraindicated), transfer: transfer(newEpoch: true))
        #expect(standing(facts) == .revoked(since: 10_010))
        #expect(facts.tier(at: 10_100, maximumAge: 600) == .none && facts.lapse(maximumAge: 600) == nil)
    }

    @Test(
        "a key denied since takes an affirming verdict's tier down to a warning, and no other's",
        arguments: Tier.allCases)
    func deniedKey(tier: Tier) {
        let facts = AgentFacts(verdict: verdict(tier), deniedKeys: [Digest(repeating: 1, count: 32)])
        #expect(facts.tier(at: 10_100, maximumAge: 600) == (tier == .affirming ? .warning : tier))
        #expect(facts.tier(at: 10_601, maximumAge: 600) == .none)
    }

    @Test("what is kept of a transfer tells how far it is, at what rate, and when it will be here")
    func transferFacts() throws {
        var transfer = LogTransfer(
            resetCount: 6, recordsDone: 1_200, recordsTotal: 60_000, bytesDone: 3_000_000, bytesTotal: 9_500_000,
            beganAt: 10_040, bytesBefore: 1_000_000, updatedAt: 10_050)
        let agent = Agent(
            id: try AgentID("host"), attestationKeyPublic: [], attestationKeyName: [], enrolledAt: 0)
        var summary = AgentSummary(agent: agent, state: nil, verdict: verdict(.affirming))
        summary.transfer = transfer
        let facts = try #require(summary.facts.transfer)
        #expect(facts.recordsRemaining == 58_800 && facts.bytesRemaining == 6_500_000)
        // What an earlier connection brought is no measure of this one.
        #expect(facts.bytesPerSecond == 200_000 && facts.secondsRemaining == 33)
        #expect(!facts.isNewEpoch && facts.updatedAt == 10_050)
        transfer.updatedAt = 10_040
        summary.transfer = transfer
        #expect(summary.facts.transfer?.bytesPerSecond == nil && summary.facts.transfer?.secondsRemaining == nil)
        let pending = try #require(summary.facts.transfer)
        #expect(standing(summary.facts) == .behind(pending))
        #expect(AgentSummary(agent: agent, state: nil, verdict: nil).facts.transfer == nil)
    }

    @Test("have a word each, which scripts can rely on")
    func words() {
        let all: [AgentStanding] = [
            .revoked(since: 0), .neverAttested, .contraindicated([:]), .rebootSeen(transfer()), .behind(transfer()),
            .unreachable(since: 0), .current,
        ]
        #expect(all.map(\.word) == AgentStanding.Word.allCases)
        #expect(
            AgentStanding.Word.allCases.map(\.rawValue) == [
                "revoked", "never_attested", "contraindicated", "reboot_seen", "behind", "unreachable", "current",
            ])
    }
}
