import Appraisal
import AssayCrypto
import Messages
import TPM
import TestSupport
import Testing

@testable import Server

@Suite("A round") struct RoundTests {
    @Test("goes from Hello to its result, and on to the next")
    func trace() throws {
        let bench = try Bench(measured: "a", "b", "c")
        #expect(bench.begin() == ["expect Hello in 60 s"])
        #expect(try bench.hello() == ["load"])
        #expect(try bench.load() == ["note challenged", "expect Evidence in 60 s", "send Challenge 1 from 0"])
        #expect(try bench.evidence() == ["note quoted", "expect LogShard in 30 s"])
        #expect(try bench.shard(0..<2) == ["note shard", "expect LogShard in 30 s", "send ShardCredit 1 next 2"])
        #expect(try bench.shard(2..<3) == ["note shard", "expect LogShard in 30 s", "send ShardCredit 1 next 3"])
        #expect(try bench.shard(3..<4) == ["note shard", "commit affirming, next 4"])
        #expect(bench.commit() == ["send AttestationResult 1 affirming next 4", "wait 60 s"])
        #expect(bench.outcome?.challengedAt == 950 && bench.outcome?.recordsAppraised == 4)
        #expect(bench.result?.nextRoundSeconds == 60 && bench.result?.excessRecords == 0)

        bench.host.measure("d")
        #expect(bench.roundDue() == ["load"])
        #expect(try bench.load() == ["note challenged", "expect Evidence in 60 s", "send Challenge 2 from 4"])
        #expect(try bench.evidence() == ["note quoted", "expect LogShard in 30 s"])
        #expect(try bench.shard(4..<5) == ["note shard", "commit affirming, next 5"])
        #expect(bench.commit() == ["send AttestationResult 2 affirming next 5", "wait 60 s"])
        #expect(bench.result?.recordsAppraised == 1)
    }

    @Test(
        "begins anew when the agent says, in place of Evidence, that its log uses another PCR; not for the same Hello")
    func restated() throws {
        let bench = try Bench(measured: "a")
        _ = try bench.hello()
        _ = try bench.load()
        #expect(try bench.hello { $0.pcrs = PCRSet([10, 11]) } == ["load"])
        #expect(try bench.load() == ["note challenged", "expect Evidence in 60 s", "send Challenge 2 from 0"])
        #expect(bench.challenge.pcrs == PCRSet(Array(0...11)))
        #expect(try bench.hello { $0.pcrs = PCRSet([10, 11]) } == ["close INVALID_ARGUMENT"])
    }

    @Test("asks for PCRs 0 to 9 and those that the log uses, and for no larger shards than the agent can make")
    func challenge() throws {
        let bench = try Bench(measured: "a")
        bench.settings.shardBytes = 1 << 18
        bench.connect()
        _ = try bench.hello { hello in
            hello.banks = [.sha1, .sha384, .sha256]
            hello.pcrs = PCRSet([3, 10, 12, 16, 23])
        }
        _ = try bench.load()
        #expect(bench.challenge.nonce == [UInt8](repeating: 1, count: 32))
        #expect(bench.challenge.banks == [.sha256] && bench.challenge.window == 8)
        #expect(bench.challenge.pcrs == PCRSet(Array(0...10) + [12]))
        #expect(bench.challenge.shardBytes == 1 << 18)
    }

    @Test(
        "bounds shards by what both sides can take, and by the least that each must",
        arguments: [(1 << 16, 1 << 16), (100_000, 100_000), (1 << 20, 1 << 20), (4 << 20, 1 << 20), (1, 1 << 16)]
            as [(UInt32, UInt32)])
    func shardBytes(offered: UInt32, asked: UInt32) throws {
        let bench = try Bench(measured: "a")
        _ = try bench.hello { $0.maximumShardBytes = offered }
        _ = try bench.load()
        #expect(bench.challenge.shardBytes == asked)
    }

    @Test("takes an empty last shard when nothing new was measured")
    func empty() throws {
        let bench = try Bench(measured: "a")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 0", "commit affirming, next 2",
                "send AttestationResult 1 affirming next 2",
            ])
        #expect(
            try bench.attestAgain() == [
                "send Challenge 2 from 2", "commit affirming, next 2",
                "send AttestationResult 2 affirming next 2",
            ])
    }

    @Test("leaves what was logged behind the quote as excess, and asks for it next time")
    func excess() throws {
        let bench = try Bench(measured: "a")
        bench.host.quoted = bench.host.log.values(Array(0..<24))
        bench.host.measure("b", "c")
        #expect(try bench.attest().last == "send AttestationResult 1 affirming next 2")
        #expect(bench.result?.excessRecords == 2 && bench.result?.recordsAppraised == 2)
        bench.host.quoted = nil
        #expect(try bench.attestAgain().first == "send Challenge 2 from 2")
        #expect(bench.result?.nextRecord == 4 && bench.result?.excessRecords == 0)
    }

    @Test("that finds a record the policy doesn't allow is contraindicated, keeps its position, and stays so")
    func failing() throws {
        let bench = try Bench(measured: "a", "evil", "b")
        #expect(try bench.attest()[1] == "commit contraindicated, next 4, not_in_policy")
        #expect(bench.result?.findings.map(\.record) == [2])
        bench.host.measure("c")
        #expect(try bench.attestAgain()[1] == "commit contraindicated, next 5, not_in_policy")
    }

    @Test("of a log that doesn't lead to the quoted PCRs commits the verdict and no position")
    func mismatch() throws {
        let bench = try Bench(measured: "a")
        _ = try bench.attest()
        var other = bench.host.log
        other.file("/b", "b")
        bench.host.quoted = other.values(Array(0..<24))
        bench.host.measure("c")
        #expect(try bench.attestAgain()[1] == "commit contraindicated, position kept, pcr_mismatch")
        #expect(bench.result?.nextRecord == 2)
        bench.host.quoted = nil
        #expect(try bench.attestAgain().first == "send Challenge 3 from 2")
    }

    @Test("without a policy gives no verdict")
    func noPolicy() throws {
        let bench = try Bench(measured: "a")
        bench.policy = nil
        // Nothing lists its boot_aggregate: it must be that of the quoted PCRs.
        let aggregate = try #require(BootAggregate.values(of: bench.host.log.values(Array(0..<24)))[.sha256]?.first)
        bench.host.log = LogBuilder()
        bench.host.log.add(
            "ima-ng", bench.host.log.digestField(aggregate.bytes) + bench.host.log.nameField("boot_aggregate"))
        bench.host.measure("a")
        let trace = try bench.attest()
        #expect(
            trace == [
                "send Challenge 1 from 0", "commit none, next 2", "send AttestationResult 1 none next 2",
            ])
    }

    @Test("of a host that measured no boot is not affirmed")
    func noBootAggregate() throws {
        let bench = try Bench(measured: "a")
        bench.host.log = .init()
        bench.host.measure("a")
        #expect(try bench.attest()[1] == "commit contraindicated, next 1, no_boot_aggregate")
    }
}
