import Appraisal
import Attester
import Foundation
import Messages
import Server
import Shards
import StandInKernel
import Store
import Synchronization
import SystemPackage
import TPM
import Testing
import Transport

extension EndToEnd {
    @Suite("A host's epochs and its log's gaps") struct EpochTests {
        @Test("after a boot: record 0, and the keyrings learned anew") func boot() async throws {
            let log = try KernelLogs.imasig.get()
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                _ = try await world.attest(attester)
                let before = try world.snapshot()
                try world.host.boot()
                // Up to before the keys that an administrator loads.
                let early = try KernelRecords.cut(log, count: 100)
                try await world.host.kernel.measure(early)
                let booted = try await world.attest(attester)
                #expect(booted.challenges == [0])
                #expect(booted.result.nextRecord == 100)
                #expect(booted.result.tier == .affirming || booted.result.tier == .warning)
                let after = try world.snapshot()
                #expect(after.state?.clockInfo.resetCount == (before.state?.clockInfo.resetCount ?? 0) + 1)
                #expect(try world.store.keyrings(of: AgentID(Host.id)).keyrings.count == 1)
                try await world.host.kernel.measure(try KernelRecords.cut(log, from: 100))
                let more = try await world.attest(attester)
                #expect(more.challenges == [100])
                #expect(
                    try world.snapshot().appraisal?.keyrings.keyrings.count == before.appraisal?.keyrings.keyrings.count
                )
            }
        }

        @Test(
            "after losing power while suspended: the shards of before are removed, and the host is attested anew",
            arguments: [40, 100, 160])
        func restarted(records: UInt64) async throws {
            let log = try KernelLogs.prefix(200)
            try await World.run(measured: try KernelRecords.cut(log, count: 100)) { world in
                try await world.store.assign(log)
                #expect(try await world.attest(try await world.host.attester()).result.nextRecord == 100)
                try world.host.restart()
                try await world.host.kernel.measure(try KernelRecords.cut(log, count: records))
                let keeper = LogKeeper(
                    device: world.host.device, logPath: FilePath(world.host.kernel.log.path),
                    settings: MeasurementLog.Settings(directory: world.host.shards))
                let cleaning = try await keeper.cleanAtBoot()
                // A log that is the former one to the letter, and goes on, is no other in one and the same kernel.
                #expect(cleaning.outcome == (records < 100 ? .removed : .kept(records: records)))
                let attested = try await world.attest(try await world.host.attester())
                #expect(attested.result.tier == .affirming && attested.result.nextRecord == records)
                #expect(attested.challenges == (records < 100 ? [100, 0] : [100]))
                let after = try world.snapshot()
                #expect(after.state?.clockInfo.restartCount == 1 && after.state?.nextRecord == records)
                // And it goes on from there.
                try await world.host.kernel.measure(try KernelRecords.cut(log, from: records))
                let more = try await world.attest(try await world.host.attester())
                #expect(more.challenges == [records] && more.result.tier == .affirming && more.result.nextRecord == 200)
            }
        }

        @Test("a boot that Hello doesn't tell of is seen in the quote: asked again from record 0") func unannounced()
            async throws
        {
            let log = try KernelLogs.prefix(100)
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                _ = try await world.attest(attester)
                let agent = try await RawAgent(world)
                try await agent.send(.hello(try await agent.hello()))
                let first = try await agent.challenge()
                #expect(first.firstRecord == 100)
                try world.host.boot()
                let longer = try KernelLogs.prefix(160)
                try await world.host.kernel.measure(longer)
                try await world.store.assign(longer)
                // The verifier stops listening to this round at its Evidence; the shards are on their way by then.
                try await agent.answer(first)
                let second = try await agent.challenge()
                #expect(second.round == first.round + 1)
                #expect(second.firstRecord == 0)
                try await agent.answer(second)
                let result = try await agent.result()
                #expect(result.tier == .affirming)
                #expect(result.nextRecord == 160)
                await agent.connection.close()
            }
        }

        @Test("a log that doesn't begin with boot_aggregate is not affirmed") func noBootAggregate() async throws {
            let log = try KernelRecords.cut(try KernelLogs.prefix(20), from: 1)
            try await World.run(measured: log) { world in
                let attestation = try await world.attest(try await world.host.attester())
                #expect(attestation.result.tier == .contraindicated)
                #expect(attestation.reasons.contains("no_boot_aggregate"))
            }
        }

        @Test("fewer records held than asked for: asked once more, then records_missing") func recordsMissing()
            async throws
        {
            let log = try KernelLogs.prefix(100)
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                _ = try await world.attest(attester)
                let before = try world.snapshot()
                // The shards would have them.
                try world.host.loseShards()
                try world.host.replaceLog(with: try KernelLogs.prefix(60))
                let missing = try await world.attest(attester)
                #expect(missing.challenges == [100, 0])
                #expect(missing.result.tier == .contraindicated)
                #expect(missing.reasons == ["records_missing"])
                let after = try world.snapshot()
                #expect(after.verdict?.tier == .contraindicated)
                #expect(after.state == before.state)
                #expect(after.appraisal?.keyrings == before.appraisal?.keyrings)
                // The rest of the log comes back.
                try world.host.replaceLog(with: log)
                #expect(try await world.attest(attester).result.tier == .affirming)
            }
        }

        @Test("a log that the kernel has freed a part of is served from the shards, also from record 0") func freed()
            async throws
        {
            let log = try KernelLogs.prefix(100)
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                _ = try await world.attest(attester)
                try world.host.replaceLog(with: try KernelLogs.prefix(60))
                #expect(try await world.attest(attester).result.tier == .affirming)
                // A verifier that knows nothing of this host yet asks for all of it.
                try await world.store.discardState(of: AgentID(Host.id))
                let again = try await world.attest(attester)
                #expect(again.challenges == [0] && again.recordsSent == 100)
                #expect(again.result.tier == .affirming && again.result.nextRecord == 100)
            }
        }

        @Test("a boot under an agent that stays connected begins a new epoch, also with a shorter log")
        func bootUnderAgent() async throws {
            let log = try KernelLogs.prefix(100)
            var settings = World.smallShards
            settings.roundSeconds = 1
            try await World.run(settings, measured: log) { world in try await Self.bootUnderAgent(world) }
        }

        // A function of its own: in a closure its checks crash this compiler.
        private static func bootUnderAgent(_ world: World) async throws {
            let attester = try await world.host.attester()
            let connection = try await world.dial()
            let seen = Verdicts()
            let attesting = Task {
                try await attester.attest(over: connection, once: false) { event in
                    if case .verdict(let result) = event { seen.add(result) }
                }
            }
            try await until("a verdict") { !seen.all.isEmpty }
            try world.host.boot()
            try await world.host.kernel.measure(try KernelLogs.prefix(60))
            try await until("a verdict on the new boot") { seen.all.last?.nextRecord == 60 }
            connection.abort()
            _ = await attesting.result
            #expect(!seen.reasons.contains("records_missing"))
            #expect(try world.snapshot().state?.nextRecord == 60)
        }

        @Test("a log that a record was dropped from: pcr_mismatch, and the position is kept") func dropped()
            async throws
        {
            let log = try KernelLogs.prefix(100)
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                _ = try await world.attest(attester)
                let before = try world.snapshot()
                let more = try KernelRecords.cut(try KernelLogs.large.get(), from: 100, count: 40)
                try await world.host.kernel.extend(more)
                try world.host.kernel.append(try KernelRecords.cut(more, count: 20))
                try world.host.kernel.append(try KernelRecords.cut(more, from: 21))
                let mismatch = try await world.attest(attester)
                #expect(mismatch.challenges == [100])
                #expect(mismatch.result.tier == .contraindicated)
                #expect(mismatch.reasons.contains("pcr_mismatch"))
                #expect(mismatch.result.nextRecord == 100)
                let after = try world.snapshot()
                #expect(after.verdict?.tier == .contraindicated)
                #expect(after.state == before.state)
                #expect(after.appraisal?.keyrings == before.appraisal?.keyrings)
            }
        }

        @Test("records behind the quote are excess: asked for next time") func excess() async throws {
            let log = try KernelLogs.prefix(100)
            try await World.run(measured: log) { world in
                let agent = try await RawAgent(world)
                try await agent.send(.hello(try await agent.hello()))
                let challenge = try await agent.challenge()
                let quote = try await agent.quote(for: challenge)
                let late = KernelRecords.file("/etc/late", content: [1])
                try await world.host.kernel.measure(late)
                try await agent.answer(challenge, with: quote)
                let result = try await agent.result()
                #expect(result.nextRecord == 100)
                #expect(result.excessRecords == 1)
                #expect(result.tier == .affirming)
                await agent.connection.close()
                let next = try await world.attest(try await world.host.attester())
                #expect(next.challenges == [100])
                #expect(next.recordsSent == 1)
                #expect(next.reasons.first == "not_in_policy")
            }
        }
    }
}

/// The verdicts of one connection.
private final class Verdicts: Sendable {
    private let results = Mutex<[AttestationResult]>([])

    func add(_ result: AttestationResult) { results.withLock { $0.append(result) } }

    var all: [AttestationResult] { results.withLock { $0 } }

    /// The reasons of all findings.
    var reasons: [String] { all.flatMap(\.findings).map(\.reason) }
}
