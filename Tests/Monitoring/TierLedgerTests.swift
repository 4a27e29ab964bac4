import Appraisal
import AssayCrypto
import Server
import Store
import Testing

@testable import Monitoring

/// Verdicts and changes for tests.
enum Samples {
    static func verdict(_ tier: Tier, at time: Int64, givenAt: Int64? = nil) -> Verdict {
        Verdict(
            tier: tier, challengedAt: time, givenAt: givenAt ?? time, policyHash: nil, appraisedRecords: 1,
            excessRecords: 0, failures: tier == .contraindicated ? [.notInPolicy: 2] : [:], warnings: [:])
    }

    static func change(_ agent: String = "web-1", to tier: Tier = .contraindicated) throws -> TierChange {
        TierChange(
            agent: try AgentID(agent), from: .affirming, to: tier, standing: .contraindicated([.notInPolicy: 2]),
            verdict: verdict(tier, at: 1_000), time: 1_001)
    }
}

@Suite("Changes of tier") struct TierLedgerTests {
    private let web: AgentID
    private let database: AgentID

    init() throws {
        web = try AgentID("web-1")
        database = try AgentID("db-1")
    }

    private func words(_ changes: [TierChange]) -> [String] {
        changes.map { "\($0.agent) \($0.from) \($0.to) \($0.standing.word.rawValue)" }.sorted()
    }

    @Test("are told once, when a verdict is another one than before")
    func verdicts() {
        var ledger = TierLedger(maximumAge: 600)
        #expect(
            words([ledger.enter(Samples.verdict(.affirming, at: 10), of: web, at: 11)].compactMap(\.self))
                == ["web-1 none affirming current"])
        #expect(ledger.enter(Samples.verdict(.affirming, at: 70), of: web, at: 71) == nil)
        let worse = ledger.enter(Samples.verdict(.contraindicated, at: 130), of: web, at: 131)
        #expect(worse?.from == .affirming && worse?.to == .contraindicated && worse?.time == 131)
        #expect(worse?.standing == .contraindicated([.notInPolicy: 2]))
        #expect(ledger.enter(Samples.verdict(.contraindicated, at: 190), of: web, at: 191) == nil)
        #expect(ledger.enter(Samples.verdict(.warning, at: 250), of: web, at: 251)?.from == .contraindicated)
    }

    @Test("are told when a verdict ceases to stand, at the very second, and only then")
    func lapse() {
        var ledger = TierLedger(maximumAge: 600)
        #expect(ledger.due == .max)
        _ = ledger.enter(Samples.verdict(.affirming, at: 100), of: web, at: 101)
        _ = ledger.enter(Samples.verdict(.warning, at: 200), of: database, at: 201)
        #expect(ledger.due == 701)
        #expect(ledger.changes(at: 700).isEmpty && ledger.due == 701)
        #expect(words(ledger.changes(at: 701)) == ["web-1 affirming none unreachable"])
        #expect(ledger.due == 801)
        #expect(ledger.changes(at: 750).isEmpty)
        #expect(words(ledger.changes(at: 900)) == ["db-1 warning none unreachable"])
        #expect(ledger.due == .max)
        #expect(
            words([ledger.enter(Samples.verdict(.affirming, at: 950), of: web, at: 951)].compactMap(\.self))
                == ["web-1 none affirming current"])
    }

    @Test("are told of an agent that another process revokes, or allows again")
    func revoked() {
        var ledger = TierLedger(maximumAge: 600)
        let verdict = Samples.verdict(.affirming, at: 100)
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: verdict))
        #expect(ledger.scanEnded(at: 110).isEmpty)
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(revokedAt: 120, verdict: verdict))
        #expect(words(ledger.scanEnded(at: 121)) == ["web-1 affirming none revoked"])
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: verdict))
        #expect(words(ledger.scanEnded(at: 130)) == ["web-1 none affirming current"])
    }

    @Test("are told when a key is denied that a verdict rests on")
    func denied() {
        var ledger = TierLedger(maximumAge: 600)
        let verdict = Samples.verdict(.affirming, at: 100)
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: verdict))
        #expect(ledger.scanEnded(at: 110).isEmpty)
        ledger.scanBegins()
        ledger.scanned(
            web, AgentFacts(verdict: verdict, deniedKeys: [Digest(repeating: 1, count: 32)]))
        #expect(words(ledger.scanEnded(at: 120)) == ["web-1 affirming warning current"])
        // The next verdict was judged without the key.
        #expect(
            words([ledger.enter(Samples.verdict(.contraindicated, at: 130), of: web, at: 131)].compactMap(\.self))
                == ["web-1 warning contraindicated contraindicated"])
        #expect(
            words([ledger.enter(Samples.verdict(.affirming, at: 140), of: web, at: 141)].compactMap(\.self))
                == ["web-1 contraindicated affirming current"])
    }

    @Test("aren't told of what stands when the verifier starts, nor of agents that are new or removed")
    func start() {
        var ledger = TierLedger(maximumAge: 600)
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: Samples.verdict(.contraindicated, at: 100)))
        #expect(ledger.scanEnded(at: 110).isEmpty)
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: Samples.verdict(.contraindicated, at: 100)))
        ledger.scanned(database, AgentFacts())
        #expect(ledger.scanEnded(at: 120).isEmpty)
        ledger.scanBegins()
        ledger.scanned(database, AgentFacts())
        #expect(ledger.scanEnded(at: 130).isEmpty)
        #expect(ledger.census(at: 130).tiers == [.none: 1])
    }

    @Test("that lapsed while no verifier was there are told at the start; what one has told isn't")
    func lapsedMeanwhile() {
        var ledger = TierLedger(maximumAge: 600)
        // The last verdict of all was at 5,000: a verifier ran then, and has told of what lapsed before.
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: Samples.verdict(.affirming, at: 4_300)))
        ledger.scanned(database, AgentFacts(verdict: Samples.verdict(.affirming, at: 5_000)))
        #expect(words(ledger.scanEnded(at: 9_000)) == ["db-1 affirming none unreachable"])
        #expect(ledger.changes(at: 9_001).isEmpty)
    }

    @Test("don't go back to what a scan saw before a verdict was given")
    func race() {
        var ledger = TierLedger(maximumAge: 600)
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: Samples.verdict(.affirming, at: 100)))
        _ = ledger.scanEnded(at: 110)
        ledger.scanBegins()
        _ = ledger.enter(Samples.verdict(.contraindicated, at: 200, givenAt: 205), of: web, at: 205)
        ledger.scanned(web, AgentFacts(verdict: Samples.verdict(.affirming, at: 100)))
        #expect(ledger.scanEnded(at: 206).isEmpty)
        // A scan that began later knows better: the agent was enrolled anew, say.
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts())
        #expect(words(ledger.scanEnded(at: 300)) == ["web-1 contraindicated none never_attested"])
    }

    @Test("are told when the clock is set right under a verdict of the time when it was ahead, and never taken back")
    func clockSetBack() {
        var ledger = TierLedger(maximumAge: 600)
        _ = ledger.enter(Samples.verdict(.affirming, at: 80_000), of: web, at: 80_001)
        #expect(ledger.isDue(at: 80_002) == false)
        #expect(ledger.isDue(at: 8_000) == true)
        #expect(words(ledger.changes(at: 8_000)) == ["web-1 affirming none unreachable"])
        #expect(ledger.takeWithdrawn() == [web] && ledger.takeWithdrawn().isEmpty)
        #expect(ledger.isDue(at: 8_001) == false)
        #expect(ledger.due == .max)
        // The clock reaches the stamp: the host has been silent all the time.
        #expect(ledger.changes(at: 80_010).isEmpty)
        let census = ledger.census(at: 80_010)
        #expect(census.tiers == [.none: 1] && census.standings == [.unreachable: 1])
        #expect(census.oldest == 72_010 && census.newest == nil)
        #expect(
            words([ledger.enter(Samples.verdict(.affirming, at: 80_020), of: web, at: 80_020)].compactMap(\.self))
                == ["web-1 none affirming current"])
    }

    @Test("are told of a verdict whose Challenge was sent while the clock was ahead")
    func challengedAhead() {
        var ledger = TierLedger(maximumAge: 600)
        _ = ledger.enter(Samples.verdict(.affirming, at: 1_000), of: web, at: 1_000)
        let change = ledger.enter(Samples.verdict(.affirming, at: 5_000, givenAt: 1_010), of: web, at: 1_010)
        #expect(change?.to == Tier.none && change?.standing == .unreachable(since: 5_000))
        #expect(ledger.takeWithdrawn() == [web])
    }

    @Test("are told at the start of verdicts stamped in the future, once: what was withdrawn was told")
    func startInTheFuture() {
        var ledger = TierLedger(maximumAge: 600)
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: Samples.verdict(.affirming, at: 80_000)))
        ledger.scanned(
            database, AgentFacts(verdict: Samples.verdict(.affirming, at: 80_000), withdrawnAt: 7_000))
        #expect(words(ledger.scanEnded(at: 8_000)) == ["web-1 affirming none unreachable"])
        #expect(ledger.takeWithdrawn() == [web])
        // A stamp of the future is no sign of when a verifier was there last.
        var other = TierLedger(maximumAge: 600)
        other.scanBegins()
        other.scanned(web, AgentFacts(verdict: Samples.verdict(.affirming, at: 80_000), withdrawnAt: 7_000))
        other.scanned(database, AgentFacts(verdict: Samples.verdict(.warning, at: 7_100)))
        #expect(words(other.scanEnded(at: 8_000)) == ["db-1 warning none unreachable"])
    }

    @Test("are counted: agents by tier and state, the oldest and the newest verdict")
    func census() throws {
        var ledger = TierLedger(maximumAge: 600)
        _ = ledger.enter(Samples.verdict(.affirming, at: 1_000), of: web, at: 1_000)
        _ = ledger.enter(Samples.verdict(.contraindicated, at: 100), of: database, at: 1_000)
        ledger.scanBegins()
        ledger.scanned(web, AgentFacts(verdict: Samples.verdict(.affirming, at: 1_000)))
        ledger.scanned(database, AgentFacts(verdict: Samples.verdict(.contraindicated, at: 100)))
        ledger.scanned(try AgentID("new"), AgentFacts())
        ledger.scanned(
            try AgentID("old"), AgentFacts(revokedAt: 5, verdict: Samples.verdict(.affirming, at: 1)))
        _ = ledger.scanEnded(at: 1_001)
        let census = ledger.census(at: 1_010)
        #expect(census.tiers == [.affirming: 1, .none: 3])
        #expect(census.standings == [.current: 1, .unreachable: 1, .neverAttested: 1, .revoked: 1])
        #expect(census.oldest == 910 && census.newest == 10)
    }

    @Test("say in JSON and in variables what changed, the agent's id escaped")
    func event() throws {
        let change = try Samples.change("web\n1")
        #expect(
            change.json == #"{"agent":"web\\n1","event":"tier_changed","findings_by_reason":{"not_in_policy":2},"#
                + #""from":"affirming","policy_sha256":null,"state":"contraindicated","time":1001,"#
                + #""to":"contraindicated","verdict_time":1000}"#)
        #expect(
            change.environment == [
                "ASSAY_EVENT": "tier_changed", "ASSAY_AGENT": "web\\n1", "ASSAY_FROM": "affirming",
                "ASSAY_TO": "contraindicated", "ASSAY_STATE": "contraindicated", "ASSAY_TIME": "1001",
                "ASSAY_VERDICT_TIME": "1000", "ASSAY_FINDINGS": "not_in_policy=2",
            ])
    }
}
