import Foundation
import Messages
import Server
import StandInKernel
import Store
import SystemPackage
import Testing
import Transport

extension EndToEnd {
    @Suite("A doctor asks the verifier how its host stands") struct DoctorTests {
        /// What a doctor says of the verifier, and its exit.
        private func verifierLine(_ installation: Installation) async throws -> (exit: Int32?, line: String) {
            let doctor = try installation.agent(["doctor"])
            let exit = try await doctor.exitCode()
            let lines = doctor.output.split(separator: "\n").map(String.init)
            guard let index = lines.firstIndex(where: { $0.contains("  verifier  ") }) else {
                throw Unexpected("no line of the verifier: \(doctor.output)")
            }
            return (exit, lines[index...].prefix(2).joined(separator: "\n"))
        }

        private func change(_ installation: Installation, _ arguments: [String]) async throws {
            let command = try installation.verifier(arguments)
            guard try await command.exitCode() == 0 else { throw Unexpected(command.output) }
        }

        @Test("welcome, judged by another policy or by none, revoked, removed, and nobody there") func standing()
            async throws
        {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let before = try await verifierLine(installation)
                #expect(before.exit == 0 && before.line.hasPrefix("ok "), "\(before.line)")
                #expect(before.line.contains("agent web-1 is enrolled") && before.line.contains("has no verdict yet"))
                #expect(try await installation.attest() == 0)
                let known = try installation.snapshot()

                let welcome = try await verifierLine(installation)
                #expect(welcome.exit == 0 && welcome.line.hasPrefix("ok "), "\(welcome.line)")
                #expect(welcome.line.contains("s ago, is affirming"), "\(welcome.line)")

                try await change(installation, ["agents", "revoke", Host.id])
                let revoked = try await verifierLine(installation)
                #expect(revoked.exit == 3 && revoked.line.hasPrefix("FAILED "), "\(revoked.line)")
                #expect(revoked.line.contains("PERMISSION_DENIED: agent web-1 is revoked"))
                try await change(installation, ["agents", "revoke", Host.id, "--undo"])

                let policy = installation.path("nothing.json")
                try Data(Fleet.source).write(to: URL(filePath: policy))
                try await change(installation, ["policy", "put", "nothing", policy])
                try await change(installation, ["policy", "assign", Host.id, "nothing"])
                let reassigned = try await verifierLine(installation)
                #expect(reassigned.exit == 0 && reassigned.line.contains("judged by policy nothing"))
                #expect(reassigned.line.contains("that was by another policy"), "\(reassigned.line)")
                #expect(try await installation.attest() == 1)
                let failing = try await verifierLine(installation)
                #expect(failing.exit == 0 && failing.line.hasPrefix("warn "), "\(failing.line)")
                #expect(failing.line.contains("is contraindicated: ") && failing.line.contains("not_in_policy ("))

                // No doctor has been judged, or has left a word.
                #expect(known.verdict?.number == 1)
                #expect(try installation.snapshot().verdict?.number == 2)
                #expect(!verifier.output.contains("takes over"))

                try await change(installation, ["agents", "remove", Host.id])
                let removed = try await verifierLine(installation)
                #expect(removed.exit == 3 && removed.line.contains("is not enrolled"), "\(removed.line)")

                verifier.kill()
                let down = try await verifierLine(installation)
                #expect(down.exit == 3 && down.line.contains("assay-verifier serve"), "\(down.line)")
            }
        }

        @Test("while the service runs, which stays connected") func besideTheService() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let service = try installation.agent(["run"])
                try await service.wait(for: "tier=affirming")
                for _ in 1...3 {
                    let welcome = try await verifierLine(installation)
                    #expect(welcome.exit == 0 && welcome.line.contains("is affirming"), "\(welcome.line)")
                }
                let seen = try installation.snapshot().verdict?.number ?? 0
                try await until("another verdict on the same connection") {
                    (try installation.snapshot().verdict?.number ?? 0) > seen
                }
                #expect(service.isRunning)
                #expect(service.output.components(separatedBy: "msg=connected").count == 2, "\(service.output)")
                #expect(!service.output.contains("took over") && !verifier.output.contains("takes over"))
                service.kill()
                verifier.kill()
            }
        }

        private func answer(_ world: World) async throws -> Status {
            let agent = try await RawAgent(world)
            try await agent.send(.status(Status(.ok, "how do I stand?")))
            let status = try await agent.status()
            await agent.connection.close()
            return status
        }

        @Test("a host that nobody judges is told so, and one whose last verdict is too old") func remedies()
            async throws
        {
            let log = try KernelLogs.prefix(10)
            try await World.run(measured: log, allows: .noPolicy) { world in
                let status = try await answer(world)
                #expect(status.code == .failedPrecondition && status.message.contains("NO POLICY judges it"))
                #expect(status.message.contains("assay-verifier policy assign web-1 NAME"))
            }
            var settings = World.smallShards
            settings.maximumAge = -1
            try await World.run(settings, measured: log) { world in
                #expect(try await answer(world).code == .ok)
                _ = try await world.attest(try await world.host.attester())
                let status = try await answer(world)
                #expect(status.code == .failedPrecondition && status.message.contains("was affirming, and no longer"))
            }
        }

        @Test("connections that say nothing disturb nobody, and of one agent only a few are kept") func silent()
            async throws
        {
            var settings = World.smallShards
            settings.roundSeconds = 1
            try await World.run(settings, measured: try KernelLogs.prefix(10)) { world in
                let agent = try await RawAgent(world)
                try await agent.answer(try await agent.greet())
                #expect(try await agent.result().tier == .affirming)
                var silent: [RawAgent] = []
                for _ in 1...5 { silent.append(try await RawAgent(world)) }
                #expect(try await silent[0].status().code == .aborted)
                try await silent[4].send(.status(Status(.ok, "how do I stand?")))
                let status = try await silent[4].status()
                #expect(status.code == .ok && status.message.contains("is affirming"), "\(status)")
                // The first one is still the agent's.
                try await agent.answer(try await agent.challenge())
                #expect(try await agent.result().tier == .affirming)
                for connection in silent.map(\.connection) + [agent.connection] { await connection.close() }
            }
        }
    }
}
