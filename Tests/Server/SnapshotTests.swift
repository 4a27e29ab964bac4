import Appraisal
import Messages
import TestSupport
import Testing

@testable import Server

@Suite("A log that begins with a snapshot") struct SnapshotTests {
    /// A bench on which records 0 to 2 were attested.
    private func attested() throws -> Bench {
        let bench = try Bench(measured: "a", "b")
        #expect(try bench.attest().last == "send AttestationResult 1 affirming next 3")
        return bench
    }

    @Test("of the very values that were committed: goes on from there")
    func committed() throws {
        let bench = try attested()
        bench.host.log.snapshotAggregate()
        bench.host.measure("c")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 3", "commit affirming, next 5", "send AttestationResult 1 affirming next 5",
            ])
    }

    @Test("of other values: record 0 is asked for, and without it the verdict is records_missing")
    func other() throws {
        let bench = try attested()
        bench.host.measure("c")
        bench.host.log.snapshotAggregate()
        bench.connect()
        _ = try bench.hello()
        _ = try bench.load()
        // The agent knows no numbers: it takes its snapshot, record 4 of the boot, for the record asked for.
        _ = try bench.evidence()
        let snapshot = try bench.host.records(4..<5)
        #expect(
            try bench.shard(3..<4) {
                $0.records = snapshot
                $0.moreDataPending = true
            }.first == "note shard")
        #expect(
            try bench.shard(4..<5) { $0.records = snapshot } == ["note shard", "note retry from record 0", "load"])
        // What was kept of that log on its way is of no use.
        #expect(
            try bench.load() == [
                "forget scratch", "note challenged", "expect Evidence in 60 s", "send Challenge 2 from 0",
            ])
        func refused(_ round: UInt64) -> [String] {
            bench.receive(
                .status(
                    Status(
                        .outOfRange,
                        "record 0 was asked for, the log begins with a snapshot_aggregate, and nothing before it is held",
                        round: round)))
        }
        #expect(refused(2) == ["load"])
        #expect(try bench.load() == ["note challenged", "expect Evidence in 60 s", "send Challenge 3 from 0"])
        #expect(refused(3) == ["load"])
        // What is left to ask for is a quote: the verdict rests on it.
        #expect(try bench.load().last == "send Challenge 4 from 5")
        #expect(
            try bench.evidence() == ["note quoted", "commit contraindicated, position kept, records_missing"])
        _ = bench.commit()
        #expect(bench.attestation?.state.nextRecord == 3)
        #expect(bench.result?.findings.first?.found.contains("snapshot_aggregate") == true)
    }

    @Test("that a new host's agent sends as record 0 is not believed")
    func asRecordZero() throws {
        let bench = try Bench(measured: "a")
        bench.host.log.snapshotAggregate()
        let claimed = try bench.host.records(2..<3)
        _ = try bench.hello()
        _ = try bench.load()
        _ = try bench.evidence { $0.logEnd = 1 }
        let trace = try bench.shard(0..<1) {
            $0.records = claimed
            $0.moreDataPending = false
        }
        #expect(
            trace == [
                "note shard",
                "commit contraindicated, position kept, no_boot_aggregate, pcr_mismatch, records_missing",
            ])
    }
}
