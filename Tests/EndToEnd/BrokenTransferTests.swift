import Appraisal
import Attester
import Foundation
import Messages
import Server
import StandInKernel
import Testing
import Transport

@testable import Store

extension EndToEnd {
    @Suite("A transfer that breaks, and what other processes see of it") struct BrokenTransferTests {
        @Test("agents show and list tell records, bytes, what remains and the rate, while a log is on its way")
        func progress() async throws {
            let log = try KernelLogs.large.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                installation.relay.limit(250_000)
                let agent = try installation.agent(["attest", "--once", "--json"])
                try await verifier.wait(for: "transfer remembered")
                let show = try installation.verifier(["agents", "show", "web-1", "--json"])
                #expect(try await show.exitCode() == 4)
                let line = show.output.split(separator: "\n").first { $0.hasPrefix("{") } ?? ""
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                let status = object?["status"] as? [String: Any]
                #expect(status?["state"] as? String == "behind", "\(show.output)")
                let transfer = try #require(status?["transfer"] as? [String: Any], "\(show.output)")
                let done = transfer["records_done"] as? Int ?? 0
                #expect(done > 0 && transfer["records_remaining"] as? Int == 3000 - done)
                #expect(transfer["records_total"] as? Int == 3000)
                #expect(transfer["bytes_total"] as? Int == log.count)
                let words = try installation.verifier(["agents", "show", "web-1"])
                #expect(try await words.exitCode() == 4)
                #expect(words.output.contains("transfer is in progress") && words.output.contains("remain"))
                let list = try installation.verifier(["agents", "list"])
                #expect(try await list.exitCode() == 0)
                #expect(list.output.contains("behind, "), "\(list.output)")
                agent.kill()
                installation.relay.limit(nil)
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                let after = try installation.verifier(["agents", "show", "web-1", "--json"])
                #expect(try await after.exitCode() == 0)
                #expect(after.output.contains(#""transfer":null"#), "\(after.output)")
                verifier.kill()
            }
        }

        private enum Fault { case cut, agentKilled, verifierKilled }

        /// An agent only once: one that is killed leaves its key in the TPM, which has room for three.
        private static let faults: [Fault] = [.cut, .verifierKilled, .agentKilled, .cut, .verifierKilled, .cut]

        @Test("at any byte, be it the link, the agent or the verifier that fails: what is missing is sent")
        func anyByte() async throws {
            let log = try KernelLogs.large.get()
            let seed = UInt64.random(in: .min ... .max)
            print("any byte, with real programs: seed \(seed)")
            var random = Chance(seed)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                var verifier = try await installation.serve()
                var held: UInt64 = 0
                for fault in Self.faults {
                    // From within the handshake to within the third shard of what is left.
                    let limit = Int.random(in: 500..<180_000, using: &random)
                    installation.relay.limit(limit, cuts: fault == .cut)
                    let agent = try installation.agent(["attest", "--once", "--json"])
                    let comment = Comment(rawValue: "seed \(seed), \(fault) at byte \(limit)")
                    if fault != .cut {
                        try await until("a limit that is met, or a verdict") {
                            installation.relay.isBlocked || !agent.isRunning
                        }
                        if fault == .verifierKilled {
                            verifier.kill()
                            verifier = try await installation.serve()
                        } else {
                            agent.kill()
                        }
                    }
                    if try await agent.exitCode() == 0 { break }
                    // A session that was killed writes nothing; any other one before it has ended.
                    try await until("the end of the session") {
                        let lines = verifier.output
                        return lines.count(of: "agent connected") <= lines.count(of: "session over")
                    }
                    let now = try installation.snapshot().scratch?.appraisal.nextRecord ?? 0
                    #expect(now >= held, comment)
                    held = now
                }
                installation.relay.limit(nil)
                if try installation.snapshot().verdict == nil {
                    let last = try installation.agent(["attest", "--once", "--json"])
                    #expect(try await last.exitCode() == 0, "\(last.output)")
                    #expect(verifier.output.contains("first_record=\(held)"), "seed \(seed)")
                }
                let known = Known(try installation.snapshot())
                #expect(try installation.snapshot().keptScratch == nil)
                verifier.kill()
                #expect(try await installation.undisturbed(allowing: log) == known, "seed \(seed)")
            }
        }

        @Test("records that no TPM has seen, in a transfer that breaks, don't harm the next: dropped, with an event")
        func forged() async throws {
            let log = try KernelLogs.prefix(100)
            try await World.run(measured: log) { world in
                let forger = try await RawAgent(world)
                let challenge = try await forger.accepted()
                var shard = try forger.shard(for: challenge, count: 30)
                shard.records = try KernelRecords.cut(log, count: 29) + KernelRecords.file("/tmp/forged", content: [6])
                try await forger.send(.logShard(shard))
                await forger.connection.close()
                try await until("what is kept of it") { try world.snapshot().scratch != nil }
                let held = try world.snapshot().scratch?.appraisal
                #expect(held?.nextRecord == 30 && held?.findings.count(.notInPolicy) == 1)
                #expect(try world.snapshot().verdict == nil)
                let honest = try await world.attest(try await world.host.attester())
                #expect(honest.challenges == [30, 0])
                #expect(honest.result.tier == .affirming && honest.result.recordsAppraised == 100)
                #expect(try world.snapshot().keptScratch == nil)
                let events = try world.store.events(of: AgentID(Host.id)).map(\.kind)
                #expect(events.contains(.scratchDropped(record: 30)), "\(events)")
            }
        }

        @Test("what is kept and can't be read is dropped") func damaged() async throws {
            try await World.run(measured: try KernelLogs.prefix(100)) { world in
                let id = try AgentID(Host.id)
                let schema = world.store.schema
                try await world.store.writer.perform { (_, changes) throws(StoreError) in
                    changes.put(id.bytes + [0], [1, 2, 3], in: schema.scratch)
                }
                let attestation = try await world.attest(try await world.host.attester())
                #expect(attestation.challenges == [0] && attestation.result.tier == .affirming)
                #expect(world.log.all.contains { $0.contains("damaged") })
                #expect(try world.snapshot().keptScratch == nil)
            }
        }

        @Test("a boot meanwhile: the new log shows as such") func reboot() async throws {
            let log = try KernelLogs.prefix(100)
            try await World.run(measured: log) { world in
                _ = try await world.attest(try await world.host.attester())
                try world.host.boot()
                try await world.host.kernel.measure(log)
                let agent = try await RawAgent(world)
                let challenge = try await agent.accepted()
                #expect(challenge.firstRecord == 0)
                try await agent.send(.logShard(try agent.shard(for: challenge, count: 30)))
                await agent.connection.close()
                try await until("what is kept of it") { try world.snapshot().scratch != nil }
                let standing = AgentStanding(try world.snapshot().summary.facts, at: now(), maximumAge: 600)
                guard case .rebootSeen(let transfer) = standing else { throw Unexpected("\(standing)") }
                #expect(transfer.recordsDone == 30 && transfer.recordsTotal == 100 && transfer.recordsRemaining == 70)
                let after = try await world.attest(try await world.host.attester())
                #expect(after.challenges == [30] && after.recordsSent == 70)
                #expect(after.result.recordsAppraised == 100 && after.result.tier == .affirming)
            }
        }
    }
}

/// The same chance for the same seed.
private struct Chance: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

extension String {
    fileprivate func count(of words: String) -> Int { components(separatedBy: words).count - 1 }
}
