import Appraisal
import AssayCrypto
import Messages
import TPM
import TestSupport
import Testing

@testable import Server

@Suite("Where a round begins") struct ResumeTests {
    /// A bench on which records 0 to 2 were attested.
    private func attested() throws -> Bench {
        let bench = try Bench(measured: "a", "b")
        #expect(try bench.attest().last == "send AttestationResult 1 affirming next 3")
        return bench
    }

    @Test("On a new connection: at the last commit")
    func reconnect() throws {
        let bench = try attested()
        bench.host.measure("c")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 3", "commit affirming, next 4", "send AttestationResult 1 affirming next 4",
            ])
    }

    @Test("After a boot that Hello tells of: at record 0")
    func boot() throws {
        let bench = try attested()
        bench.host.reboot()
        bench.host.measure("c")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 0", "commit affirming, next 2", "send AttestationResult 1 affirming next 2",
            ])
        #expect(bench.attestation?.clock.resetCount == 6)
    }

    @Test("After a boot whose log doesn't replay: at record 0 of the new epoch, which the result says, too")
    func brokenBoot() throws {
        let bench = try attested()
        bench.host.reboot()
        var other = bench.host.log
        other.file("/b", "b")
        bench.host.quoted = other.values(Array(0..<24))
        bench.host.measure("c")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 0", "commit contraindicated, position kept, pcr_mismatch",
                "send AttestationResult 1 contraindicated next 0",
            ])
        bench.host.quoted = nil
        #expect(try bench.attestAgain().first == "send Challenge 2 from 0")
    }

    @Test("After a boot that Hello hides: at record 0, by the signed quote")
    func hiddenBoot() throws {
        let bench = try attested()
        bench.host.reboot()
        bench.host.measure("c", "d", "e")
        #expect(
            try bench.attest { $0.resetCount = 5 } == [
                "send Challenge 1 from 3", "note new epoch 6", "send Challenge 2 from 0", "commit affirming, next 4",
                "send AttestationResult 2 affirming next 4",
            ])
    }

    @Test("After a boot that Hello invents: at record 0 of the same epoch, which the signed quote tells")
    func inventedBoot() throws {
        let bench = try attested()
        bench.host.measure("c")
        #expect(
            try bench.attest { $0.resetCount = 9 } == [
                "send Challenge 1 from 0", "commit affirming, next 4", "send AttestationResult 1 affirming next 4",
            ])
        #expect(bench.attestation?.clock.resetCount == 5)
    }

    @Test("A counter or clock that went back is contraindicated, and the position stays", arguments: [true, false])
    func wentBack(isReset: Bool) throws {
        let bench = try attested()
        bench.host.measure("c")
        if isReset { bench.host.clock.resetCount -= 1 } else { bench.host.clock.clock -= 1 }
        let reason = isReset ? "reset_went_back" : "clock_went_back"
        #expect(
            try bench.attest { $0.resetCount = 5 } == [
                "send Challenge 1 from 3", "commit contraindicated, position kept, \(reason)",
                // Of a boot that isn't the stored one, the log's first record is next.
                "send AttestationResult 1 contraindicated next \(isReset ? 0 : 3)",
            ])
        #expect(bench.attestation?.state.nextRecord == 3 && bench.attestation?.clock.clock == 1000)
        // What the agent sent of that round meanwhile harms nobody.
        #expect(try bench.shard(3..<4).isEmpty)
        #expect(bench.roundDue() == ["load"])
    }

    @Test(
        "Under another key of the same TPM: at record 0, and no clock before the one that was", arguments: [-1, 0, 1])
    func otherKey(change: Int) throws {
        let bench = try attested()
        // As the store has it once the host has joined again: the last state is of the former key.
        bench.mayResume = false
        bench.host.clock.resetCount = UInt32(Int(bench.host.clock.resetCount) + change)
        #expect(
            try bench.attest()[1]
                == (change < 0 ? "commit contraindicated, position kept, reset_went_back" : "commit affirming, next 3"))
        #expect(bench.challenge.firstRecord == 0)
    }

    @Test("A clock that stands still is no clock that went back")
    func sameClock() throws {
        let bench = try attested()
        #expect(try bench.attest()[1] == "commit affirming, next 3")
    }

    @Test("After a suspend that kept the PCRs: at the stored position")
    func suspend() throws {
        let bench = try attested()
        bench.host.clock.restartCount += 1
        bench.host.measure("c")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 3", "commit affirming, next 4", "send AttestationResult 1 affirming next 4",
            ])
    }

    @Test("After a suspend that lost the PCRs: at the stored position, then at record 0, then pcr_mismatch")
    func lostPCRs() throws {
        let bench = try attested()
        bench.host.clock.restartCount += 1
        bench.host.measure("c")
        var other = bench.host.log
        other.file("/x", "x")
        bench.host.quoted = other.values(Array(0..<24))
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 3", "note retry from record 0", "send Challenge 2 from 0",
                "commit contraindicated, position kept, pcr_mismatch",
                "send AttestationResult 2 contraindicated next 3",
            ])
        // The restart is not committed: the next round tries the same again, and recovers with the PCRs.
        bench.host.quoted = nil
        #expect(try bench.attest()[1] == "commit affirming, next 4")
    }

    @Test("After a suspend that let the log begin anew: at record 0")
    func anewAfterSuspend() throws {
        let bench = try attested()
        bench.host.clock.restartCount += 1
        bench.host.log = .init()
        bench.host.log.bootAggregate()
        bench.host.measure("c", "d", "e")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 3", "note retry from record 0", "send Challenge 2 from 0",
                "commit affirming, next 4", "send AttestationResult 2 affirming next 4",
            ])
    }

    /// The agent doesn't hold the record that the last commit led to, for its log began anew.
    private func short(_ bench: Bench) throws {
        bench.host.clock.restartCount += 1
        bench.host.log = .init()
        bench.host.log.bootAggregate()
        bench.connect()
        _ = try bench.hello()
        #expect(try bench.load().last == "send Challenge 1 from 3")
        #expect(bench.receive(.status(Status(.outOfRange, "0 to 1", round: 1))) == ["load"])
        #expect(try bench.load().last == "send Challenge 2 from 0")
    }

    @Test("After a suspend that let the log begin anew, and shorter: at record 0, on which the quote counts")
    func shorterAfterSuspend() throws {
        let bench = try attested()
        try short(bench)
        #expect(try bench.evidence().contains("note quoted"))
        #expect(try bench.shard(0..<1).last == "commit warning, next 1, nothing_measured")
        #expect(bench.commit().first == "send AttestationResult 2 warning next 1")
        bench.host.measure("c")
        #expect(try bench.attest().last == "send AttestationResult 1 affirming next 2")
    }

    @Test("After a suspend with a shorter log that doesn't lead to the quote: the mismatch, and what is missing")
    func lostAfterSuspend() throws {
        let bench = try attested()
        bench.host.measure("c")
        bench.host.quoted = bench.host.log.values(Array(0..<24))
        try short(bench)
        _ = try bench.evidence()
        #expect(
            try bench.shard(0..<1).last == "commit contraindicated, position kept, pcr_mismatch, records_missing")
        #expect(bench.outcome?.findings.kept.last?.record == 3)
        #expect(bench.outcome?.findings.kept.last?.found == "the log ends at record 1")
    }

    @Test("Without a suspend a shorter log isn't asked for: records are missing, and why is said")
    func shorter() throws {
        let bench = try attested()
        let stored = try #require(bench.attestation)
        var clock = stored.clock
        clock.restartCount += 1
        bench.attestation = .init(clock: clock, selection: stored.selection, state: stored.state)
        try short(bench)
        #expect(try bench.evidence().last == "commit contraindicated, position kept, records_missing")
        let finding = try #require(bench.outcome?.findings.kept.first)
        #expect(finding.remedy.contains("kexec") && finding.remedy.contains("through its firmware"))
    }

    @Test("Under another policy or with other keys denied: at record 0")
    func judgedAnew() throws {
        let bench = try attested()
        bench.mayResume = false
        bench.policy = try Bench.policy(allowing: "a")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 0", "commit contraindicated, next 3, not_in_policy",
                "send AttestationResult 1 contraindicated next 3",
            ])
        #expect(bench.result?.policySHA256 == bench.policy?.contentHash.bytes)
    }

    @Test("With other PCRs: at record 0")
    func otherPCRs() throws {
        let bench = try attested()
        #expect(try bench.attest { $0.pcrs = PCRSet([10, 11]) }.first == "send Challenge 1 from 0")
    }

    @Test("In the bank that the operator prefers of those that the host has: another is begun at record 0")
    func otherBank() throws {
        let bench = try attested()
        func plan(_ operators: [PCRBank], _ hosts: [PCRBank]) throws -> String? {
            bench.settings.banks = operators
            bench.connect()
            _ = try bench.hello { $0.banks = hosts }
            let line = try bench.load().last
            return line.map { "\($0), \(bench.challenge.banks.map(\.description).joined(separator: ","))" }
        }
        #expect(try plan([.sha256, .sha384], [.sha384, .sha256]) == "send Challenge 1 from 3, sha256")
        #expect(try plan([.sha384], [.sha256, .sha384]) == "send Challenge 1 from 0, sha384")
        // What Hello has first, or the store, decides nothing.
        #expect(try plan([.sha384, .sha256], [.sha256, .sha384]) == "send Challenge 1 from 0, sha384")
        #expect(try plan([.sha384, .sha256], [.sha256]) == "send Challenge 1 from 3, sha256")
    }

    @Test("A commit that met a change is not told to the agent: a new Challenge instead")
    func conflict() throws {
        let bench = try Bench(measured: "a")
        bench.commits = false
        _ = try bench.hello()
        _ = try bench.load()
        _ = try bench.evidence()
        #expect(try bench.shard(0..<2) == ["note shard", "commit affirming, next 2"])
        #expect(bench.commit() == ["note conflict", "load"])
        #expect(try bench.load().last == "send Challenge 2 from 0")
        #expect(bench.challenge.nonce == [UInt8](repeating: 2, count: 32))
        #expect(bench.result == nil && bench.attestation == nil)
    }

    @Test("A round that never comes to an end is given up")
    func maximumChallenges() throws {
        let bench = try Bench(measured: "a")
        bench.commits = false
        let trace = try bench.attest()
        #expect(trace.filter { $0.hasPrefix("send Challenge") }.count == 6)
        #expect(trace.last == "close ABORTED")
    }

    @Test("Records that the agent doesn't hold are asked for once more, then missing")
    func recordsMissing() throws {
        let bench = try attested()
        bench.connect()
        _ = try bench.hello()
        _ = try bench.load()
        let refusal = { (round: UInt64) in AgentMessage.status(Status(.outOfRange, "from 9 on", round: round)) }
        #expect(bench.receive(refusal(1)) == ["load"])
        // A quote is made for a record that is held, and tells whether it is another boot's log.
        #expect(try bench.load().last == "send Challenge 2 from 0")
        // The agent's word is no evidence: it is asked for a quote over what it does hold, and the verdict rests on that.
        #expect(bench.receive(refusal(2)) == ["load"])
        #expect(try bench.load().last == "send Challenge 3 from 3")
        #expect(try bench.evidence() == ["note quoted", "commit contraindicated, position kept, records_missing"])
        #expect(bench.outcome?.quote.clockInfo == bench.host.clock)
        #expect(bench.commit() == ["send AttestationResult 3 contraindicated next 3", "wait 60 s"])
        #expect(bench.result?.findings.map(\.record) == [3])
        #expect(bench.result?.findings.map(\.found) == ["from 9 on"])
        // The shards behind that Evidence may still arrive.
        #expect(try bench.shard(3..<3).isEmpty)
        // The next verdict begins with a clean slate.
        #expect(bench.roundDue() == ["load"])
        #expect(try bench.load().last == "send Challenge 4 from 3")
        #expect(bench.receive(refusal(4)) == ["load"])
    }

    @Test("Without a quote nothing is committed: an agent that refuses to the end is sent away")
    func noQuote() throws {
        let bench = try attested()
        bench.connect()
        _ = try bench.hello()
        for round in 1...3 as ClosedRange<UInt64> {
            #expect(try bench.load().last?.hasPrefix("send Challenge \(round)") == true)
            let lines = bench.receive(.status(Status(.outOfRange, "none", round: round)))
            #expect(lines == (round < 3 ? ["load"] : ["close FAILED_PRECONDITION"]))
        }
        // A quote that doesn't verify is as good as none.
        bench.connect()
        _ = try bench.hello()
        for round in 1...2 as ClosedRange<UInt64> {
            _ = try bench.load()
            _ = bench.receive(.status(Status(.outOfRange, "none", round: round)))
        }
        _ = try bench.load()
        #expect(try bench.evidence { $0.signature[10] ^= 1 } == ["close UNAUTHENTICATED"])
        #expect(bench.outcome?.findings.isEmpty == true && bench.numbers.verdict == 1)
    }

    @Test("Of another boot whose log isn't held either, record 0 is what is missing")
    func missingAfterBoot() throws {
        let bench = try attested()
        bench.host.reboot()
        bench.connect()
        _ = try bench.hello()
        for round in 1...2 as ClosedRange<UInt64> {
            #expect(try bench.load().last == "send Challenge \(round) from 0")
            #expect(bench.receive(.status(Status(.outOfRange, "from 9 on", round: round))) == ["load"])
        }
        #expect(try bench.load().last == "send Challenge 3 from 1")
        #expect(
            try bench.evidence { $0.logEnd = 0 }.last == "commit contraindicated, position kept, records_missing")
        #expect(bench.commit().first == "send AttestationResult 3 contraindicated next 0")
        #expect(bench.result?.findings.map(\.record) == [0])
        #expect(bench.attestation?.state.nextRecord == 3)
    }

    @Test("OUT_OF_RANGE about another round, or any other status, ends the connection")
    func otherStatus() throws {
        for status in [Status(.outOfRange, "", round: 7), Status(.unavailable, "no TPM", round: 1)] {
            let bench = try Bench(measured: "a")
            _ = try bench.hello()
            _ = try bench.load()
            #expect(bench.receive(.status(status)) == ["closed by \(status.code.name)"])
            #expect(try bench.evidence().isEmpty)
        }
    }
}
