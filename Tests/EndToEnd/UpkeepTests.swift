import Foundation
import StandInKernel
import Store
import SystemPackage
import Testing

extension EndToEnd {
    @Suite("A server keeps its store fit") struct UpkeepTests {
        @Test("an agent that is silent for too long is removed by rule, and the log says so; a current one stays")
        func removal() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let store = try Store(path: FilePath(installation.path("store")))
                try await store.enrol(
                    Agent(
                        id: AgentID("silent"), attestationKeyPublic: [1], attestationKeyName: [2],
                        enrolledAt: now() - 5000))
                store.close()
                let verifier = try await installation.serve(settings: ["agents.forget_after=4000"])
                try await verifier.wait(for: "agent removed")
                #expect(verifier.output.contains("agent=silent"))
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                let list = try installation.verifier(["agents", "list"])
                #expect(try await list.exitCode() == 0 && list.output.contains("web-1"))
                #expect(!list.output.contains("silent"))
                verifier.kill()
            }
        }

        @Test("a rule that would remove agents while their verdicts stand is refused") func refused() async throws {
            try await Installation.run(allowing: try KernelLogs.prefix(10)) { installation in
                let verifier = try installation.verifier([
                    "serve", "--check", "--config", installation.path("verifier.yaml"), "--set",
                    "agents.forget_after=600",
                ])
                #expect(try await verifier.exitCode() == 2 && verifier.output.contains("attestation.max_age"))
            }
        }
    }
}
