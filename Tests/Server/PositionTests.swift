import Appraisal
import AssayCrypto
import Messages
import TPM
import TestSupport
import Testing

@testable import Server

@Suite("A round that goes back to an earlier position") struct PositionTests {
    /// A bench on which records 0 to 5 were attested, and an operator wants those from one on judged again.
    private func asked(from record: UInt64) throws -> Bench {
        let bench = try Bench(measured: "a", "b", "c", "d", "e")
        _ = try bench.attest(records: 1)
        let committed = try #require(bench.attestation)
        let state = try #require(bench.outcome?.passed.first { $0.nextRecord == record })
        bench.position = .init(clock: committed.clock, selection: committed.selection, state: state)
        bench.mayResume = false
        bench.numbers.reattestation = 1
        return bench
    }

    @Test("begins there, and comes to the verdict of the whole log") func goesBack() throws {
        let bench = try asked(from: 4)
        let before = bench.attestation?.state
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 4", "commit affirming, next 6", "send AttestationResult 1 affirming next 6",
            ])
        #expect(bench.result?.recordsAppraised == 2)
        #expect(bench.attestation?.state == before)
    }

    @Test("is offered some of those that a round has passed, each with what was found by then") func passed() throws {
        let bench = try Bench(measured: "a", "evil", "b", "c", "d", "e", "a", "b")
        _ = try bench.attest(records: 1)
        let passed = try #require(bench.outcome?.passed)
        #expect(passed.count == 4 && passed.last?.nextRecord == 8)
        for state in passed {
            #expect(state.findings.failures == (state.nextRecord > 2 ? [.notInPolicy: 1] : [:]))
            #expect(state.fileRecords == state.nextRecord - 1)
        }
    }

    @Test("begins at record 0 after a boot, which Hello tells or hides", arguments: [false, true])
    func boot(isHidden: Bool) throws {
        let bench = try asked(from: 4)
        bench.host.reboot()
        bench.host.measure("a", "b", "c", "d", "e")
        let trace = try bench.attest { if isHidden { $0.resetCount = 5 } }
        #expect(trace.suffix(2).first == "commit affirming, next 6")
        #expect(bench.challenge.firstRecord == 0)
        #expect(trace.contains("send Challenge 1 from 4") == isHidden)
    }

    @Test("whose records don't lead to the quote is a mismatch, and nothing moves") func mismatch() throws {
        let bench = try asked(from: 4)
        let before = bench.attestation?.state
        var other = LogBuilder()
        other.bootAggregate()
        bench.host.quoted = other.values(Array(0..<24))
        let trace = try bench.attest()
        #expect(trace.first == "send Challenge 1 from 4")
        #expect(trace.contains("commit contraindicated, position kept, pcr_mismatch"), "\(trace)")
        #expect(bench.attestation?.state == before)
    }

    @Test("from before a suspend that let the log begin anew: at record 0, for a position decides nothing")
    func anew() throws {
        let bench = try asked(from: 4)
        let stale = bench.position
        // The log that began anew was attested since, and some of its records are the same.
        bench.position = nil
        bench.mayResume = true
        bench.host.clock.restartCount += 1
        bench.host.log = .init()
        bench.host.log.bootAggregate()
        bench.host.measure("e", "d", "c", "b", "a")
        #expect(try bench.attest().last == "send AttestationResult 2 affirming next 6")
        bench.position = stale
        bench.mayResume = false
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 4", "note retry from record 0", "send Challenge 2 from 0",
                "commit affirming, next 6", "send AttestationResult 2 affirming next 6",
            ])
    }

    @Test("that breaks goes on where it broke") func breaks() throws {
        let bench = try asked(from: 3)
        bench.connect()
        _ = try bench.hello()
        _ = try bench.load()
        _ = try bench.evidence()
        #expect(bench.challenge.firstRecord == 3)
        _ = try bench.shard(3..<5)
        #expect(try bench.attest().first == "send Challenge 1 from 5")
        #expect(bench.result?.recordsAppraised == 3 && bench.result?.nextRecord == 6)
    }
}
