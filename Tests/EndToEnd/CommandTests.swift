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

        @Test("checked configurations are shown as they are in effect, or refused with the place of each fault")
        func check() async throws {
            try await Installation.run(allowing: try KernelLogs.prefix(10)) { installation in
                let agent = try installation.agent(["run", "--check", "--set", "verifier.name=other.test"])
                #expect(try await agent.exitCode() == 0, "\(agent.output)")
                #expect(agent.output.contains("other.test") && agent.output.contains("--set"))
                #expect(agent.output.contains("agent.yaml:"))
                let verifier = try installation.verifier([
                    "serve", "--check", "--config", installation.path("verifier.yaml"),
                ])
                #expect(try await verifier.exitCode() == 0, "\(verifier.output)")
                #expect(verifier.output.contains("65536") && verifier.output.contains("verifier.yaml:"))
                let bad = try installation.agent(["run", "--check", "--set", "verifier.prot=1", "--set", "tpm.key=x"])
                #expect(try await bad.exitCode() == 2)
                #expect(bad.output.contains("verifier.port meant?") && bad.output.contains("p256, rsa2048"))
                let keyless = try installation.agent(["run", "--check", "--set", "tls.key=/nonexistent"])
                #expect(try await keyless.exitCode() == 2 && keyless.output.contains("/nonexistent"))
            }
        }

        @Test("a doctor's exit says whether the host can be attested") func doctor() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let alone = try installation.agent(["doctor"])
                #expect(try await alone.exitCode() == 3)
                #expect(alone.output.contains("FAILED  verifier") && alone.output.contains("serve"))
                let verifier = try await installation.serve()
                let doctor = try installation.agent(["doctor", "--json"])
                #expect(try await doctor.exitCode() == 0, "\(doctor.output)\(verifier.output)")
                #expect(doctor.output.hasPrefix("{\"can_be_attested\":true,"))
                installation.host.tpm.stop()
                let without = try installation.agent(["doctor"])
                #expect(try await without.exitCode() == 3)
                #expect(without.output.contains("FAILED  tpm") && without.output.contains("can't be attested: 1 of"))
                let misconfigured = try installation.agent(["doctor", "--set", "x=1"])
                #expect(try await misconfigured.exitCode() == 2)
            }
        }

        @Test("what is said goes into no file that is opened where standard output was closed")
        func closedOutput() async throws {
            try await Installation.run(allowing: try KernelLogs.prefix(10)) { installation in
                let data = URL(filePath: installation.path("store/data.mdb"))
                let before = try Data(contentsOf: data)
                let program = try Program(
                    path: "/bin/sh",
                    [
                        "-c", "exec \"$0\" agents list --store \"$1\" <&- >&-", Program.path(of: "assay-verifier"),
                        installation.path("store"),
                    ], in: installation.workshop.folder)
                #expect(try await program.exitCode() == 3)
                #expect(program.output.contains("standard output: Bad file descriptor"), "\(program.output)")
                #expect(try Data(contentsOf: data) == before)
            }
        }

        @Test("2 for a value that nothing could take, wherever it is found out") func values() async throws {
            try await Installation.run(allowing: try KernelLogs.prefix(10)) { installation in
                for arguments in [["agents", "show", ""], ["policy", "assign", "web-1", ""]] {
                    let program = try installation.verifier(arguments)
                    #expect(try await program.exitCode() == 2, "\(arguments): \(program.output)")
                }
                let none = try Program(
                    "assay-verifier", ["agents", "list", "--store", "/nonexistent"], in: installation.workshop.folder)
                #expect(try await none.exitCode() == 3 && none.output.contains("assay-verifier init"), "\(none.output)")
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

        @Test("a host that is named wrongly is told before anything is made") func hosts() async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "assay-hosts-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(at: folder) }
            let (made, configuration) = (folder.appending(path: "d").path, folder.appending(path: "v.yaml").path)
            func verifier(_ arguments: [String]) async throws -> (exit: Int32?, output: String) {
                let program = try Program("assay-verifier", arguments + ["--config", configuration], in: folder)
                return (try await program.exitCode(), program.output)
            }
            for name in [
                "verifier.example:7443", "https://verifier.example", "10.0.0.256", "10.0.0.1/24", "fe80::1%eth0", "-x",
                "[::1]:7443",
            ] {
                let refused = try await verifier(["init", "--name=\(name)", "--dir", made])
                #expect(
                    refused.exit == 2 && refused.output.contains("--name is a DNS name or an IP address"), "\(name)")
                #expect([made, configuration].allSatisfy { !FileManager.default.fileExists(atPath: $0) })
            }
            let initialized = try await verifier(["init", "--name=[::1]", "--dir", made, "--json"])
            #expect(initialized.exit == 0, "\(initialized.output)")
            #expect(initialized.output.contains("\"names\":[\"::1\"]"))
            let check = try await verifier(["serve", "--check"])
            #expect(check.exit == 0 && check.output.contains("[::1]:7443"), "\(check.output)")
            let invited = try await verifier(["invite", "--json"])
            #expect(invited.exit == 0, "\(invited.output)")
            for setting in [
                "listen.host=[::1]:80", "listen.host=10.0.0.256", "join.address=[[::1]]:7443", "join.address=v.example",
                "hooks.webhook=http://10.0.0.256/",
            ] {
                let refused = try await verifier(["serve", "--check", "--set", setting])
                #expect(
                    refused.exit == 2 && refused.output.contains(setting.split(separator: "=")[0]), "\(refused.output)")
            }
            let agent = try Program(
                "assay-agent", ["attest", "--once", "--set", "verifier.host=https://v.example"], in: folder)
            #expect(try await agent.exitCode() == 2)
            #expect(agent.output.contains("verifier.host is \"https://v.example\", not a DNS name or an IP address"))
        }
    }
}
