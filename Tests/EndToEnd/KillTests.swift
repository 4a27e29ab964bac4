import Appraisal
import Foundation
import StandInKernel
import Store
import Testing

extension EndToEnd {
    @Suite("Programs that are killed") struct KillTests {
        /// Enough for the handshake and some of ten shards.
        private static let middle = 250_000

        /// Starts an attestation that hangs in mid-transfer: some shards were appraised, others never come.
        private func hangInMiddle(_ installation: Installation, _ verifier: Program) async throws -> Program {
            installation.relay.limit(Self.middle)
            let agent = try installation.agent(["attest", "--once", "--json"])
            try await until("a blocked transfer; agent: \(agent.output)") { installation.relay.isBlocked }
            try await verifier.wait(for: "shard appraised")
            #expect(agent.isRunning && verifier.isRunning)
            return agent
        }

        @Test("an agent killed in mid-transfer: the next attestation comes to what an undisturbed one does")
        func agent()
            async throws
        {
            let log = try KernelLogs.large.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let agent = try await hangInMiddle(installation, verifier)
                agent.kill()
                try await verifier.wait(for: "connection failed")
                try await verifier.wait(for: "session over")
                let between = try installation.snapshot()
                #expect(between.verdict == nil && between.state == nil)
                let held = try #require(between.scratch?.appraisal.nextRecord)
                installation.relay.limit(nil)
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                #expect(held > 0 && verifier.output.contains("first_record=\(held)"), "\(verifier.output)")
                let known = Known(try installation.snapshot())
                verifier.kill()
                #expect(known.nextRecord == 3000)
                #expect(known.keys?.count == 2)
                #expect(try await installation.undisturbed(allowing: log) == known)
            }
        }

        @Test("a verifier killed in mid-transfer loses no verdict, and the next attestation goes on from it")
        func verifier()
            async throws
        {
            let log = try KernelLogs.large.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(try KernelRecords.cut(log, count: 200))
                let first = try await installation.serve()
                #expect(try await installation.attest() == 0, "\(first.output)")
                let acknowledged = try installation.snapshot()
                #expect(acknowledged.verdict?.number == 1)
                #expect(acknowledged.state?.nextRecord == 200)
                try await installation.host.kernel.measure(try KernelRecords.cut(log, from: 200))
                let agent = try await hangInMiddle(installation, first)
                try await first.wait(for: "transfer remembered")
                first.kill()
                #expect(try await agent.exitCode() == 3, "\(agent.output)")
                let between = try installation.snapshot()
                #expect(between.verdict == acknowledged.verdict && between.state == acknowledged.state)
                let held = try #require(between.scratch?.appraisal.nextRecord)
                installation.relay.limit(nil)
                let second = try await installation.serve()
                let again = try installation.agent(["attest", "--once", "--json"])
                #expect(try await again.exitCode() == 0, "\(second.output)")
                #expect(held > 200 && second.output.contains("first_record=\(held)"), "\(second.output)")
                let after = try installation.snapshot()
                #expect(after.verdict?.number == 2)
                second.kill()
                let known = Known(after)
                #expect(known.nextRecord == 3000)
                #expect(try await installation.undisturbed(allowing: log) == known)
            }
        }

        @Test("SIGTERM in mid-transfer ends the server with 0; no verdict is kept, and where the transfer stood is")
        func shutdown()
            async throws
        {
            let log = try KernelLogs.large.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let agent = try await hangInMiddle(installation, verifier)
                verifier.send(SIGTERM)
                #expect(try await verifier.exitCode() == 0, "\(verifier.output)")
                #expect(try await agent.exitCode() == 3, "\(agent.output)")
                let snapshot = try installation.snapshot()
                #expect(snapshot.verdict == nil && snapshot.state == nil)
                #expect(snapshot.scratch?.appraisal.nextRecord ?? 0 > 0)
            }
        }

        @Test("SIGTERM ends the server with 0; an agent that stays connects to the next one") func reconnect()
            async throws
        {
            let log = try KernelLogs.prefix(100)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let first = try await installation.serve()
                let agent = try installation.agent(["run", "--log-level", "debug"])
                try await until("a second round; agent: \(agent.output)") {
                    try installation.snapshot().verdict?.number ?? 0 >= 2
                }
                first.send(SIGTERM)
                #expect(try await first.exitCode() == 0, "\(first.output)")
                let last = try #require(try installation.snapshot().verdict?.number)
                let second = try await installation.serve()
                try await until("a verdict by the second server; agent: \(agent.output)", seconds: 120) {
                    try installation.snapshot().verdict?.number ?? 0 > last
                }
                #expect(second.output.contains("first_record=100"))
                agent.send(SIGTERM)
                #expect(try await agent.exitCode() == 0, "\(agent.output)")
                second.send(SIGTERM)
                #expect(try await second.exitCode() == 0, "\(second.output)")
                #expect(try installation.snapshot().state?.nextRecord == 100)
            }
        }
    }
}
