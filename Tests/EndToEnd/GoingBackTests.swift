import Appraisal
import AssayCrypto
import Attester
import Foundation
import Messages
import Server
import StandInKernel
import Store
import Synchronization
import Testing
import Transport

extension EndToEnd {
    @Suite("Going back in a host's log") struct GoingBackTests {
        /// An agent that stays connected to a verifier that has no reason to ask for an hour.
        private func withConnected(
            measured log: [UInt8], _ body: (World, Rounds) async throws -> Void
        ) async throws {
            var settings = World.smallShards
            settings.roundSeconds = 3600
            try await World.run(settings, measured: log) { world in
                let attester = try await world.host.attester()
                let connection = try await world.dial()
                let rounds = Rounds()
                let attesting = Task {
                    try await attester.attest(over: connection, once: false) { rounds.add($0) }
                }
                let result = await Result.of {
                    try await until("a verdict") { rounds.results.count == 1 }
                    try await body(world, rounds)
                }
                connection.abort()
                _ = await attesting.result
                try result.get()
            }
        }

        @Test("an operator who asks for it has the agent challenged at once from the last position up to the record")
        func reattest() async throws {
            try await withConnected(measured: try KernelLogs.prefix(100)) { world, rounds in
                let before = try world.snapshot()
                // The first round had several shards, and so left positions behind.
                let first = try await world.store.requestReattestation(of: AgentID(Host.id), from: 99, at: now())
                #expect((1...99).contains(first))
                #expect(try world.snapshot().verdict == before.verdict)
                try await until("a second verdict", seconds: 20) { rounds.results.count == 2 }
                #expect(rounds.challenges == [0, first])
                #expect(rounds.results.last?.recordsAppraised == 100 - first)
                let after = try world.snapshot()
                #expect(after.reattestation == nil && after.isStateCurrent && after.verdict?.number == 2)
                // Another change that isn't this agent's wakes nobody.
                try await world.store.putPolicy("other", source: [1], compiled: [], at: now())
                try await Task.sleep(for: .seconds(2))
                #expect(rounds.results.count == 2)
            }
        }

        @Test("another policy, and a key of its own that is denied, begin a round at once")
        func judgedAnew() async throws {
            let log = try KernelLogs.imasig.get()
            try await withConnected(measured: log) { world, rounds in
                try await world.store.assign(log + KernelRecords.file("/etc/new", content: [1]))
                try await until("a verdict under the new policy", seconds: 20) { rounds.results.count == 2 }
                #expect(rounds.results.last?.policySHA256 == (try world.snapshot().policyHash?.bytes))
                let keyrings = try world.store.keyrings(of: AgentID(Host.id))
                let key = try #require(keyrings.keyrings.values.first?.first)
                try await world.store.deny(key.fingerprint, at: now())
                try await until("a verdict without the key", seconds: 20) { rounds.results.count == 3 }
                #expect(rounds.challenges == [0, 0, 0])
            }
        }

        @Test("agents reattest works beside a server, and says where the verifier begins") func command() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                let asking = try installation.verifier(["agents", "reattest", "web-1", "--from", "7"])
                #expect(try await asking.exitCode() == 0, "\(asking.output)")
                #expect(asking.output.contains("from record 0") && asking.output.contains("record 7"))
                let show = try installation.verifier(["agents", "show", "web-1"])
                #expect(try await show.exitCode() == 0)
                #expect(show.output.contains("appraised again from record 7 on"), "\(show.output)")
                let json = try installation.verifier(["agents", "reattest", "web-1", "--json"])
                #expect(try await json.exitCode() == 0)
                #expect(json.output.contains(#""first_record":0"#), "\(json.output)")
                #expect(try await installation.attest() == 0)
                let snapshot = try installation.snapshot()
                #expect(snapshot.verdict?.number == 2 && snapshot.reattestation == nil)
                #expect(verifier.output.components(separatedBy: "first_record=0").count == 3, "\(verifier.output)")
                let unknown = try installation.verifier(["agents", "reattest", "nobody"])
                #expect(try await unknown.exitCode() == 3)
                verifier.kill()
            }
        }

        @Test("a boot under an agent that answers OUT_OF_RANGE, with a shorter log, is a new epoch")
        func bootOutOfRange() async throws {
            try await World.run(measured: try KernelLogs.prefix(100)) { world in
                _ = try await world.attest(try await world.host.attester())
                let agent = try await RawAgent(world)
                try await agent.send(.hello(try await agent.hello()))
                let first = try await agent.challenge()
                #expect(first.firstRecord == 100)
                try world.host.boot()
                try await world.host.kernel.measure(try KernelLogs.prefix(60))
                try await agent.send(.status(Status(.outOfRange, "records 0 to 60 are held", round: first.round)))
                let second = try await agent.challenge()
                #expect(second.firstRecord == 0)
                try await agent.answer(second)
                // Two challenges: the quote told of the boot.
                let result = try await agent.result()
                #expect(result.nextRecord == 60 && result.tier == .affirming)
                await agent.connection.close()
            }
        }
    }
}

/// What an agent saw of its rounds.
private final class Rounds: Sendable {
    private let events = Mutex<[Attester.Event]>([])

    func add(_ event: Attester.Event) { events.withLock { $0.append(event) } }

    var results: [AttestationResult] {
        events.withLock { $0.compactMap { if case .verdict(let result) = $0 { result } else { nil } } }
    }

    /// The first record that each Challenge asked for.
    var challenges: [UInt64] {
        events.withLock { $0.compactMap { if case .challenged(let first) = $0 { first } else { nil } } }
    }
}
