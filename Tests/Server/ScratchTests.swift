import Appraisal
import AssayCrypto
import IMA
import Messages
import Store
import Synchronization
import TPM
import TestSupport
import Testing

@testable import Server

@Suite("A transfer that breaks") struct ScratchTests {
    /// A bench on which so many records of a longer log were received when the connection broke.
    private func broken(at record: UInt64 = 3, measured names: [String] = ["a", "b", "c", "d"]) throws -> Bench {
        var host = try SimulatedHost()
        for name in names { host.measure(name) }
        let bench = try Bench(host)
        bench.certificate = Digest(repeating: 9, count: 32)
        try breaks(bench, at: record)
        return bench
    }

    private func breaks(_ bench: Bench, at record: UInt64) throws {
        bench.connect()
        _ = try bench.hello()
        _ = try bench.load()
        _ = try bench.evidence()
        var next = bench.challenge.firstRecord
        while next < record {
            #expect(try bench.shard(next..<next + 1).last?.hasPrefix("send ShardCredit") == true)
            next += 1
        }
    }

    @Test("goes on where it broke, and its verdict counts all of it")
    func resumes() throws {
        let bench = try broken()
        #expect(bench.scratch?.appraisal.nextRecord == 3 && bench.scratch?.recordsAppraised == 3)
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 3", "commit affirming, next 5", "send AttestationResult 1 affirming next 5",
            ])
        #expect(bench.result?.recordsAppraised == 5)
        let undisturbed = try Bench(bench.host)
        _ = try undisturbed.attest()
        #expect(bench.attestation?.state == undisturbed.attestation?.state)
        // The next round is another one.
        #expect(try bench.attestAgain().first == "send Challenge 2 from 5")
        #expect(bench.result?.recordsAppraised == 0)
    }

    @Test("several times, while the host measures on, beyond what the first quote covered")
    func resumesAgain() throws {
        let bench = try broken(at: 2)
        bench.host.measure("e", "a")
        try breaks(bench, at: 6)
        #expect(bench.challenge.firstRecord == 2 && bench.scratch?.recordsAppraised == 6)
        bench.host.measure("b")
        #expect(try bench.attest()[1] == "commit affirming, next 8")
        #expect(bench.challenge.firstRecord == 6 && bench.result?.recordsAppraised == 8)
    }

    @Test("keeps its findings, its files and its violations")
    func findings() throws {
        let bench = try broken(at: 4, measured: ["a", "evil", "b", "worse", "c"])
        #expect(try bench.attest()[1] == "commit contraindicated, next 6, not_in_policy")
        #expect(bench.challenge.firstRecord == 4)
        #expect(bench.result?.findings.map(\.record) == [2, 4])
        #expect(bench.attestation?.state.fileRecords == 5)
    }

    @Test("behind the match goes on at the match: a later quote need not cover what is behind it")
    func excess() throws {
        var host = try SimulatedHost()
        host.measure("a", "b")
        let bench = try Bench(host)
        bench.host.quoted = host.log.values(Array(0..<24))
        bench.host.measure("c", "d", "e")
        try breaks(bench, at: 5)
        #expect(bench.scratch?.appraisal.nextRecord == 3 && bench.scratch?.recordsAppraised == 3)
        #expect(bench.scratch?.appraisal.recordsReceived == 5)
        bench.host.quoted = nil
        #expect(try bench.attest()[1] == "commit affirming, next 6")
        #expect(bench.challenge.firstRecord == 3 && bench.result?.recordsAppraised == 6)
    }

    @Test("from the last commit on goes on, too, and after a suspend")
    func fromCommit() throws {
        let bench = try Bench(measured: "a", "b")
        _ = try bench.attest()
        bench.host.measure("c", "d", "e")
        try breaks(bench, at: 5)
        bench.host.clock.restartCount += 1
        #expect(try bench.attest()[1] == "commit affirming, next 6")
        #expect(bench.challenge.firstRecord == 5 && bench.result?.recordsAppraised == 3)
    }

    @Test("of a new boot goes on, though the last commit is of the old one")
    func newEpoch() throws {
        let bench = try Bench(measured: "a", "b")
        _ = try bench.attest()
        bench.host.reboot()
        bench.host.measure("c", "d", "e")
        try breaks(bench, at: 3)
        #expect(try bench.attest()[1] == "commit affirming, next 4")
        #expect(bench.challenge.firstRecord == 3)
        #expect(bench.attestation?.clock.resetCount == 6)
    }

    @Test("and a boot meanwhile, told by Hello or by the signed quote alone: record 0", arguments: [true, false])
    func boot(isTold: Bool) throws {
        let bench = try broken()
        bench.host.reboot()
        bench.host.measure("a", "b", "c")
        let trace = try bench.attest { if !isTold { $0.resetCount = 5 } }
        #expect(
            trace.prefix(isTold ? 2 : 4)
                == (isTold
                    ? ["forget scratch", "send Challenge 1 from 0"]
                    : ["send Challenge 1 from 3", "note new epoch 6", "forget scratch", "send Challenge 2 from 0"]))
        #expect(bench.result?.nextRecord == 4 && bench.result?.tier == .affirming)
    }

    @Test("doesn't go on if its clock has gone back since")
    func clock() throws {
        let bench = try broken()
        bench.host.clock.clock -= 1
        #expect(try bench.attest()[1] == "commit contraindicated, position kept, clock_went_back")
    }

    @Test("is dropped when anything that it rests on is another: each part of it")
    func basis() throws {
        let changes: [(String, (inout Scratch) -> Void)] = [
            ("certificate", { $0.basis.certificate = Digest(repeating: 8, count: 32) }),
            ("no certificate", { $0.basis.certificate = nil }),
            ("attestation key", { $0.basis.attestationKeyName[3] ^= 1 }),
            ("epoch", { $0.basis.resetCount += 1 }),
            ("bank", { $0.basis.selection = PCRSelection([.init(.sha384, $0.basis.selection.banks[0].pcrs)]) }),
            ("PCRs", { $0.basis.selection = PCRSelection([.init(.sha256, PCRSet([10]))]) }),
            ("IMA's PCRs", { $0.basis.measuredPCRs = PCRSet([10, 11]) }),
            ("byte order", { $0.basis.isBigEndian = true }),
            ("column", { $0.basis.column = .sha256 }),
            ("verdict", { $0.basis.verdictNumber += 1 }),
            ("position", { $0.basis.stateNumber += 1 }),
            ("policy", { $0.basis.policyHash = Digest(repeating: 1, count: 32) }),
            ("no policy", { $0.basis.policyHash = nil }),
            ("denied keys", { $0.basis.denyGeneration += 1 }),
            ("request", { $0.basis.reattestation += 1 }),
        ]
        for (part, change) in changes {
            let bench = try broken()
            var scratch = try #require(bench.scratch)
            change(&scratch)
            bench.scratch = scratch
            #expect(
                try bench.attest() == [
                    "forget scratch", "send Challenge 1 from 0", "commit affirming, next 5",
                    "send AttestationResult 1 affirming next 5",
                ], "\(part)")
            #expect(bench.result?.recordsAppraised == 5, "\(part)")
        }
        // The same changes, from the other side.
        let bench = try broken()
        bench.numbers.reattestation = 4
        #expect(try bench.attest().first == "forget scratch")
        let other = try broken()
        other.policy = try Bench.policy(allowing: "a", "b")
        #expect(try other.attest()[2] == "commit contraindicated, next 5, not_in_policy")
    }

    @Test("is dropped when it is too old, or from the future, and kept until then")
    func age() throws {
        for (seconds, resumes) in [(86_400, true), (86_401, false), (-60, true), (-61, false)] as [(Int64, Bool)] {
            let bench = try broken()
            bench.time = 1_000 + seconds
            #expect(try bench.attest().first == (resumes ? "send Challenge 1 from 3" : "forget scratch"), "\(seconds)")
        }
        let bench = try Bench(measured: "a", "b", "c")
        bench.settings.scratchSeconds = 0
        try breaks(bench, at: 2)
        #expect(bench.scratch == nil)
    }

    @Test("that leads astray is dropped: once more from the last commit, where a mismatch is one")
    func mismatch() throws {
        let bench = try broken()
        // What was kept is not what the host measured.
        var scratch = try #require(bench.scratch)
        let lane = scratch.appraisal.lanes[0]
        scratch.appraisal.lanes[0].value = Digest(repeating: 1, count: lane.value.count)
        bench.scratch = scratch
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 3", "forget scratch at 3", "note retry from last commit",
                "send Challenge 2 from 0", "commit affirming, next 5", "send AttestationResult 2 affirming next 5",
            ])
        #expect(bench.result?.recordsAppraised == 5)
        // The log itself is false.
        let false_ = try broken()
        var other = false_.host.log
        other.file("/x", "x")
        false_.host.quoted = other.values(Array(0..<24))
        #expect(
            try false_.attest() == [
                "send Challenge 1 from 3", "forget scratch at 3", "note retry from last commit",
                "send Challenge 2 from 0", "commit contraindicated, position kept, pcr_mismatch",
                "send AttestationResult 2 contraindicated next 0",
            ])
    }

    @Test("that doesn't fit a host which was suspended: last commit, record 0, then a mismatch")
    func suspended() throws {
        let bench = try Bench(measured: "a", "b")
        _ = try bench.attest()
        bench.host.measure("c", "d")
        try breaks(bench, at: 4)
        bench.host.clock.restartCount += 1
        bench.host.log = LogBuilder()
        bench.host.log.bootAggregate()
        bench.host.measure("e", "d", "c", "b", "a")
        #expect(
            try bench.attest() == [
                "send Challenge 1 from 4", "forget scratch at 4", "note retry from last commit",
                "send Challenge 2 from 3", "note retry from record 0", "forget scratch", "send Challenge 3 from 0",
                "commit affirming, next 6", "send AttestationResult 3 affirming next 6",
            ])
    }

    @Test("of whose records the agent no longer holds the next: last commit, record 0, then records_missing")
    func missing() throws {
        let bench = try Bench(measured: "a", "b")
        _ = try bench.attest()
        bench.host.measure("c", "d", "e")
        try breaks(bench, at: 5)
        bench.connect()
        _ = try bench.hello()
        let refusal = { (round: UInt64) in AgentMessage.status(Status(.outOfRange, "none", round: round)) }
        #expect(try bench.load().last == "send Challenge 1 from 5")
        #expect(bench.receive(refusal(1)) == ["note retry from last commit", "load"])
        #expect(try bench.load().last == "send Challenge 2 from 3")
        #expect(bench.receive(refusal(2)) == ["load"])
        #expect(try bench.load().last == "send Challenge 3 from 0")
        #expect(bench.receive(refusal(3)) == ["load"])
        #expect(try bench.load().last == "send Challenge 4 from 6")
        #expect(
            try bench.evidence() == ["note quoted", "commit contraindicated, position kept, records_missing"])
        _ = bench.commit()
        #expect(bench.result?.findings.map(\.record) == [3])
    }

    @Test("in whose records there is a gap: asked again from the last commit, once")
    func gap() throws {
        let bench = try broken(at: 2)
        bench.connect()
        _ = try bench.hello()
        #expect(try bench.load().last == "send Challenge 1 from 2")
        _ = try bench.evidence()
        #expect(try bench.shard(3..<4) == ["note retry from last commit", "load"])
        // What was in flight of that round is dropped.
        #expect(try bench.shard(4..<5).isEmpty)
        #expect(try bench.load().last == "send Challenge 2 from 0")
        _ = try bench.evidence()
        #expect(try bench.shard(0..<2).first == "note shard")
        #expect(try bench.shard(3..<4) == ["close INVALID_ARGUMENT"])
    }

    @Test("counts towards the limit of the epoch's log, as committed rounds do")
    func limit() throws {
        let bench = try Bench(measured: "a", "b", "c", "d")
        bench.settings.maximumLogBytes = UInt64(bench.host.log.bytes.count)
        try breaks(bench, at: 3)
        #expect(try bench.attest()[1] == "commit affirming, next 5")
        #expect(bench.attestation?.state.logBytes == UInt64(bench.host.log.bytes.count))
        #expect(try bench.attestAgain()[1] == "commit affirming, next 5")
        bench.host.measure("e")
        #expect(try bench.attestAgain().last == "close OUT_OF_RANGE")
        // An agent that announces less than it sends.
        try breaks(bench, at: 0)
        _ = try bench.hello()
        bench.connect()
        _ = try bench.hello()
        _ = try bench.load()
        _ = try bench.evidence { $0.logBytes = 0 }
        #expect(try bench.shard(5..<6) == ["close RESOURCE_EXHAUSTED"])
        // Another boot has another log.
        bench.host.reboot()
        bench.host.measure("a")
        #expect(try bench.attest()[1] == "commit affirming, next 2")
    }

    @Test("tells how far it is")
    func progress() throws {
        let bench = try broken(at: 2)
        let first = try #require(bench.scratch?.transfer)
        #expect(first.recordsDone == 2 && first.recordsTotal == 5 && first.resetCount == 5)
        #expect(first.bytesDone == UInt64(try bench.host.records(0..<2).count) && first.bytesBefore == 0)
        try breaks(bench, at: 4)
        let second = try #require(bench.scratch?.transfer)
        #expect(second.recordsDone == 4 && second.bytesBefore == first.bytesDone)
        #expect(second.bytesDone == UInt64(try bench.host.records(0..<4).count))
    }
}

@Suite("What is known of a log on its way is written") struct ScratchKeeperTests {
    private func scratch(bytes: UInt64, before: UInt64 = 0) throws -> Scratch {
        let basis = Scratch.Basis(
            certificate: nil, attestationKeyName: [], resetCount: 0, selection: PCRSelection([]),
            measuredPCRs: PCRSet([10]), isBigEndian: false, column: .sha1, verdictNumber: 0, stateNumber: 0,
            policyHash: nil, denyGeneration: 0, reattestation: 0)
        return Scratch(
            basis: basis, clock: ClockInfo(clock: 0, resetCount: 0, restartCount: 0, isSafe: true),
            appraisal: AppraisalState(), recordsAppraised: 0, signatures: .init(),
            transfer: LogTransfer(
                resetCount: 0, recordsDone: 0, recordsTotal: 0, bytesDone: bytes, bytesTotal: bytes, beganAt: 0,
                bytesBefore: before, updatedAt: 0))
    }

    @Test("every four MiB, every second, and at the end")
    func when() throws {
        let start = ContinuousClock.now
        var keeper = ScratchKeeper()
        keeper.begin(at: start)
        #expect(keeper.due == nil && keeper.takeLatest(at: start) == nil)
        keeper.take(try scratch(bytes: 1 << 20))
        #expect(keeper.due == start + .seconds(1))
        keeper.take(try scratch(bytes: 4 << 20))
        #expect(keeper.due == start)
        #expect(keeper.takeLatest(at: start + .milliseconds(10))?.transfer.bytesDone == 4 << 20)
        #expect(keeper.due == nil)
        keeper.take(try scratch(bytes: 7 << 20))
        #expect(keeper.due == start + .milliseconds(1010))
        // A transfer that goes on begins to count where it goes on.
        keeper.begin(at: start)
        keeper.take(try scratch(bytes: 101 << 20, before: 100 << 20))
        #expect(keeper.due == start + .seconds(1))
        keeper.take(try scratch(bytes: 104 << 20, before: 100 << 20))
        #expect(keeper.due == start)
    }

    /// What was written, in order.
    private final class Written: Sendable {
        private let bytes = Mutex<[UInt64]>([])
        var all: [UInt64] { bytes.withLock { $0 } }
        func add(_ scratch: Scratch) { bytes.withLock { $0.append(scratch.transfer.bytesDone) } }
    }

    @Test("while the session goes on; a round that is over soon writes nothing, a broken one what is missing")
    func writer() async throws {
        let written = Written()
        let writer = ScratchWriter { written.add($0) }
        writer.begin()
        writer.take(try scratch(bytes: 1))
        writer.take(try scratch(bytes: 2))
        await writer.drop()
        #expect(written.all.isEmpty)
        writer.take(try scratch(bytes: 9 << 20))
        for _ in 0..<1_000 where written.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        #expect(written.all == [9 << 20])
        writer.take(try scratch(bytes: 10 << 20))
        writer.take(try scratch(bytes: 11 << 20))
        await writer.end()
        #expect(written.all == [9 << 20, 11 << 20])
        await writer.end()
        #expect(written.all.count == 2)
    }
}
