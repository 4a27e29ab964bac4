import Foundation
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    @Suite("What the programs say and how they exit") struct CommandTests {
        @Test("0 for a host that is well, 1 for one that isn't, beside a server that runs") func verdicts() async throws
        {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                try await installation.host.kernel.measure(KernelRecords.file("/tmp/back door", content: [1]))
                let agent = try installation.agent(["attest", "--once"])
                #expect(try await agent.exitCode() == 1)
                #expect(agent.output.contains("contraindicated"))
                #expect(agent.output.contains("/tmp/back door"))
                #expect(agent.output.contains("60"))
                let list = try installation.verifier(["agents", "list"])
                #expect(try await list.exitCode() == 0)
                #expect(list.output.contains("web-1") && list.output.contains("contraindicated"))
                let keyrings = try installation.verifier(["keyrings", "show", "web-1"])
                #expect(try await keyrings.exitCode() == 0)
                #expect(keyrings.output.contains("_ima") && keyrings.output.contains("2c1ac068"))
            }
        }

        @Test("3 for a verifier that can't be reached, 2 for a configuration that isn't there") func failures()
            async throws
        {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                // The relay leads nowhere yet.
                let lost = try installation.agent(["attest", "--once"])
                #expect(try await lost.exitCode() == 3)
                #expect(!lost.output.isEmpty)
                let missing = try Program(
                    "assay-agent", ["attest", "--once", "--config", "/nonexistent/agent.yaml"],
                    in: installation.workshop.folder)
                #expect(try await missing.exitCode() == 2)
                #expect(missing.output.contains("/nonexistent/agent.yaml"))
            }
        }
    }
}
