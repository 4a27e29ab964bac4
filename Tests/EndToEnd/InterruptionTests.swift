import Foundation
import Glibc
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    /// A software TPM's socket is like /dev/tpm0: what a program leaves in it stays, and takes the room of what comes next.
    @Suite("Commands that are interrupted") struct InterruptionTests {
        private static let command = ["attest", "--once", "--json"]

        /// Lets a command begin, and interrupts it at some moment of its life.
        private func interrupt(_ program: Program, _ signal: Int32) async throws {
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...250)))
            program.send(signal)
            _ = try await program.exitCode()
        }

        @Test("20 times, at any moment, by SIGINT, SIGTERM and SIGKILL in turns: then the host attests as ever")
        func attest() async throws {
            let log = try KernelLogs.imasig.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let foreign = try installation.host.tpm.leaveStorageKey()
                let verifier = try await installation.serve()
                for turn in 0..<20 {
                    try await interrupt(installation.agent(Self.command), [SIGINT, SIGTERM, SIGKILL][turn % 3])
                }
                let last = try installation.agent(Self.command)
                #expect(try await last.exitCode() == 0, "\(last.output)\n\(verifier.output)")
                #expect(try installation.host.tpm.loadedObjects().contains(foreign))
            }
        }

        @Test(
            "by a signal that can be answered leave nothing in the TPM",
            arguments: [["attest", "--once"], ["attest"], ["run"], ["key", "--out", "public"], ["doctor"]])
        func flushed(command: [String]) async throws {
            let log = try KernelLogs.imasig.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let foreign = try installation.host.tpm.leaveStorageKey()
                let verifier = try await installation.serve()
                defer { verifier.kill() }
                let command = command.map { $0 == "public" ? installation.path($0) : $0 }
                for turn in 0..<9 {
                    let program = try installation.agent(command)
                    try await interrupt(program, [SIGINT, SIGTERM, SIGHUP][turn % 3])
                    #expect(try installation.host.tpm.loadedObjects() == [foreign], "\(program.output)")
                    #expect(try installation.host.tpm.loadedSessions() == [], "\(program.output)")
                }
            }
        }

        @Test("die of the signal, as a shell expects; one that they were started to ignore doesn't interrupt them")
        func death() async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                defer { verifier.kill() }
                let agent = try Program(
                    path: "sh",
                    ["-c", "trap '' HUP; exec \"$0\" attest --json --config \"$1\"", Program.path(of: "assay-agent")]
                        + [installation.path("agent.yaml")], in: installation.workshop.folder)
                try await agent.wait(for: "\"tier\"")
                agent.send(SIGHUP)
                // Another round: it lives.
                try await until("a second verdict: \(agent.output)") {
                    agent.output.split(separator: "\n").count { $0.contains("\"tier\"") } > 1
                }
                agent.send(SIGINT)
                #expect(try await agent.exitCode() == nil)
                #expect(try installation.host.tpm.loadedObjects() == [])
            }
        }

        @Test("by a second signal end at once, whatever keeps the TPM")
        func twice() async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                defer { verifier.kill() }
                let agent = try installation.agent(["attest", "--json"])
                try await agent.wait(for: "\"tier\"")
                let tpm = installation.host.tpm
                let holder = try Program(
                    path: "bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(tpm.port); echo held; exec sleep 600"],
                    in: installation.workshop.folder)
                try await holder.wait(for: "held")
                agent.send(SIGTERM)
                try await agent.wait(for: "ends once the TPM has answered")
                #expect(agent.isRunning)
                agent.send(SIGTERM)
                #expect(try await agent.exitCode() == nil)
                holder.kill()
                #expect(try await installation.attest() == 0)
            }
        }
    }
}
