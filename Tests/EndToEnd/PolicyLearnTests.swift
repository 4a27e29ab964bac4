import Appraisal
import Foundation
import StandInKernel
import Store
import SystemPackage
import Testing

extension EndToEnd {
    @Suite("A policy is learned from a host's own log") struct PolicyLearnTests {
        private func events(_ installation: Installation) throws -> [Event] {
            let store = try Store(path: FilePath(installation.path("store")), mode: .readOnly)
            defer { store.close() }
            return try store.events(of: AgentID(Host.id))
        }

        private func policyNames(_ installation: Installation) throws -> [String] {
            let store = try Store(path: FilePath(installation.path("store")), mode: .readOnly)
            defer { store.close() }
            return try store.policyNames().map(\.name)
        }

        private func learn(
            _ installation: Installation, _ arguments: [String], name: String = "learned"
        ) async throws -> Fleet.Said {
            let command = try installation.verifier(["policy", "learn", name, "--agent", Host.id] + arguments)
            return Fleet.Said(exit: try await command.exitCode(), output: command.output)
        }

        @Test(
            "as policy create makes it of the log's file, byte by byte, in many shards beside rounds that go on",
            .timeLimit(.minutes(5)))
        func sameAsCreate() async throws {
            let log = try KernelLogs.large.get()
            try await Installation.run(allowing: try KernelLogs.prefix(2_990)) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let agent = try installation.agent(["run"])
                try await until("a verdict; agent: \(agent.output)") { try installation.snapshot().verdict != nil }
                let said = try await learn(installation, ["--out", installation.path("learned.json")])
                #expect(said.exit == 0, "\(said.output)\(verifier.output)")
                #expect(said.output.contains("3,000 records, vouched for by a quote"))
                #expect(said.output.contains("trust on first use"))
                // What the present policy has against it is named.
                #expect(said.output.contains("finds it contraindicated") && said.output.contains("record 2990"))
                let made = try Program(
                    "assay-verifier",
                    [
                        "policy", "create", "--log", installation.host.kernel.log.path, "--out",
                        installation.path("created.json"),
                    ], in: installation.workshop.folder)
                #expect(try await made.exitCode() == 0, "\(made.output)")
                let learned = try Data(contentsOf: URL(filePath: installation.path("learned.json")))
                #expect(try learned == Data(contentsOf: URL(filePath: installation.path("created.json"))))
                // The host is judged as before, and passes by what was learned.
                #expect(try installation.snapshot().verdict?.tier == .contraindicated)
                let stored = try await learn(installation, ["--yes", "--json"])
                // Who is asked stands on standard error.
                let line = stored.output.split(separator: "\n").first { $0.hasPrefix("{") }.map(String.init) ?? ""
                let object = try #require(try Fleet.Said(exit: 0, output: line).objects().first, "\(stored.output)")
                #expect(stored.exit == 0 && object["is_stored"] as? Bool == true && object["records"] as? Int == 3_000)
                let assign = try installation.verifier(["policy", "assign", Host.id, "learned"])
                #expect(try await assign.exitCode() == 0, "\(assign.output)")
                try await until("affirming") { try installation.snapshot().verdict?.tier == .affirming }
                #expect(try events(installation).count { $0.kind == .learningRequested } == 2)
                agent.kill()
                verifier.kill()
                let info = try StoreInfo(FilePath(installation.path("store")))
                #expect(info.databases.first { $0.name == "learning" }?.entries == 0)
            }
        }

        @Test("is shown, and stored after a yes alone; a name that is taken needs a word") func asks() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: try KernelLogs.prefix(50)) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let agent = try installation.agent(["run"])
                for (typed, exit) in [("n\n", 4), ("\n", 4), ("Yes\n", 0)] as [(String, Int32)] {
                    let terminal = try PseudoTerminal()
                    let command = try Program(
                        "assay-verifier",
                        ["policy", "learn", "learned", "--agent", Host.id, "--store", installation.path("store")],
                        input: terminal.path, in: installation.workshop.folder)
                    try await command.wait(for: "[y/N]")
                    terminal.type(typed)
                    #expect(try await command.exitCode() == exit, "\(command.output)")
                    #expect(command.output.contains("60 records, vouched for"))
                    #expect(try policyNames(installation).contains("learned") == (exit == 0))
                }
                // Nobody to ask; a name that is taken; what a replacement, or an addition, changes.
                let alone = try await learn(installation, [])
                #expect(alone.exit == 2 && alone.output.contains("--yes"), "\(alone.output)")
                let taken = try await learn(installation, ["--yes"], name: "allowed")
                #expect(taken.exit == 2 && taken.output.contains("--replace"), "\(taken.output)")
                let extended = try await learn(installation, ["--yes", "--extend"], name: "allowed")
                #expect(extended.exit == 0 && extended.output.contains("\n  + digests["), "\(extended.output)")
                #expect(!extended.output.contains("\n  - digests["))
                let same = try await learn(installation, ["--yes", "--replace"], name: "allowed")
                #expect(same.exit == 0 && same.output.contains("Nothing changes"), "\(same.output)")
                agent.kill()
                verifier.kill()
            }
        }

        @Test("not from a log that doesn't lead to the TPM's quote: the command says so, and stores nothing")
        func unproved() async throws {
            let log = try KernelLogs.prefix(40)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.extend(log)
                // The log is one record short.
                try installation.host.kernel.append(try KernelRecords.cut(log, count: 20))
                try installation.host.kernel.append(try KernelRecords.cut(log, from: 21))
                let verifier = try await installation.serve()
                let agent = try installation.agent(["run"])
                let said = try await learn(installation, ["--yes"])
                #expect(said.exit == 1, "\(said.output)\(verifier.output)")
                #expect(said.output.contains("does not lead to its TPM's quote"))
                #expect(said.output.contains("pcr_mismatch"))
                #expect(try policyNames(installation) == ["allowed"])
                agent.kill()
                verifier.kill()
            }
        }

        @Test("not from a host that is unknown, silent or revoked, nor without a server; each says what to do")
        func refused() async throws {
            try await Installation.run(allowing: try KernelLogs.prefix(2)) { installation in
                let alone = try await learn(installation, ["--yes"])
                #expect(alone.exit == 3 && alone.output.contains("assay-verifier serve"), "\(alone.output)")
                let verifier = try await installation.serve()
                let silent = try await learn(installation, ["--yes", "--wait", "1"])
                #expect(silent.exit == 3, "\(silent.output)")
                #expect(silent.output.contains("web-1: it has not answered in 1 s"), "\(silent.output)")
                #expect(try installation.snapshot().learning == nil)
                let unknown = try installation.verifier(["policy", "learn", "x", "--agent", "nobody", "--yes"])
                #expect(try await unknown.exitCode() == 3, "\(unknown.output)")
                #expect(unknown.output.contains("agents list"), "\(unknown.output)")
                let revoke = try installation.verifier(["agents", "revoke", Host.id])
                #expect(try await revoke.exitCode() == 0, "\(revoke.output)")
                let revoked = try await learn(installation, ["--yes"])
                #expect(revoked.exit == 3 && revoked.output.contains("--undo"), "\(revoked.output)")
                #expect(try policyNames(installation) == ["allowed"])
                verifier.kill()
            }
        }
    }
}
