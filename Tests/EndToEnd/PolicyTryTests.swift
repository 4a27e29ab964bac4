import Appraisal
import AssayCrypto
import Foundation
import StandInKernel
import Store
import SystemPackage
import Testing

extension EndToEnd {
    @Suite("A policy is tried before it judges") struct PolicyTryTests {
        private func write(_ log: [UInt8], _ name: String, _ installation: Installation) throws -> String {
            var draft = PolicyDraft()
            try draft.allow(log: log)
            let path = installation.path(name)
            try Data(draft.document.json).write(to: URL(filePath: path))
            return path
        }

        private func store(_ installation: Installation) throws -> Store {
            try Store(path: FilePath(installation.path("store")))
        }

        @Test(
            "what it would fail is told by agent; verdicts, positions and keys stay the assigned policy's",
            .timeLimit(.minutes(5)))
        func fails() async throws {
            let log = try KernelLogs.prefix(900)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let agent = try installation.agent(["run"])
                try await until("a verdict; agent: \(agent.output)") { try installation.snapshot().verdict != nil }
                let before = try installation.snapshot()
                // Allows all but the last hundred records.
                let strict = try write(try KernelLogs.prefix(800), "strict.json", installation)
                let attempt = try installation.verifier(["policy", "try", "allowed", strict, "--wait", "60"])
                #expect(try await attempt.exitCode() == 1, "\(attempt.output)\(verifier.output)")
                #expect(attempt.output.contains("web-1: would be contraindicated, is affirming, 900 records"))
                #expect(attempt.output.contains("not_in_policy"))
                #expect(attempt.output.contains("would fail 1 of 1 agents"))
                let after = try installation.snapshot()
                #expect(after.verdict?.tier == .affirming && after.verdict?.policyHash == before.verdict?.policyHash)
                #expect(after.state?.nextRecord == 900 && after.state?.policyHash == before.state?.policyHash)
                #expect(Known(after).keys == Known(before).keys)
                #expect(after.trial == nil && after.isStateCurrent)

                // One that allows as much fails nobody; and nothing of either is left.
                let same = try write(log, "same.json", installation)
                let good = try installation.verifier(["policy", "try", "allowed", same, "--wait", "60", "--json"])
                #expect(try await good.exitCode() == 0, "\(good.output)")
                let objects = try Fleet.Said(exit: 0, output: good.output).objects()
                #expect(objects.map { $0["new_tier"] as? String } == ["affirming", nil])
                #expect(objects.last?["failing"] as? Int == 0 && objects.last?["unanswered"] as? [String] == [])
                agent.kill()
                verifier.kill()
                let info = try StoreInfo(FilePath(installation.path("store")))
                #expect(info.databases.first { $0.name == "trials" }?.entries == 0)
            }
        }

        @Test("an agent that doesn't answer is named; without a server or an agent it says what to do")
        func unanswered()
            async throws
        {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                let same = try write(log, "same.json", installation)
                let alone = try installation.verifier(["policy", "try", "allowed", same])
                #expect(try await alone.exitCode() == 3 && alone.output.contains("assay-verifier serve"))
                let verifier = try await installation.serve()
                let silent = try installation.verifier(["policy", "try", "allowed", same, "--wait", "1"])
                #expect(try await silent.exitCode() == 4, "\(silent.output)")
                #expect(silent.output.contains("no answer from 1: web-1"))
                let none = try installation.verifier(["policy", "try", "nothing", same])
                #expect(try await none.exitCode() == 3 && none.output.contains("policy list"))
                // A new one over the old one: that was ended, as was the first.
                #expect(try installation.snapshot().trial == nil)
                verifier.kill()
            }
        }

        @Test("a terminal sees who is waited for, a pipe doesn't") func progress() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                let same = try write(log, "same.json", installation)
                let verifier = try await installation.serve()
                let command =
                    "\(Program.path(of: "assay-verifier")) policy try allowed \(same) --wait 2 --store "
                    + installation.path("store")
                let terminal = try Program(
                    path: "/usr/bin/script", ["-qec", command, "/dev/null"], in: installation.workshop.folder,
                    environment: ["TERM": "xterm"])
                #expect(try await terminal.exitCode() == 4)
                #expect(terminal.output.contains("\r\u{1b}[K  0 of 1 agent answered; 1 s left for web-1"))
                let piped = try installation.verifier(["policy", "try", "allowed", same, "--wait", "1"])
                #expect(try await piped.exitCode() == 4 && !piped.output.contains("s left"))
                verifier.kill()
            }
        }

        @Test("trials are bounded, expire, and one of the same name takes the other's place") func bounds() async throws
        {
            try await Fleet.run { fleet in
                let store = try Store(path: FilePath(fleet.folder.path).appending("store"))
                defer { store.close() }
                let first = try await store.startTrial(
                    of: "web", contentHash: .init(repeating: 1, count: 32), compiled: [1], at: 100, lifetime: 10)
                #expect(try store.snapshot(of: AgentID("well")).trial == first)
                #expect(try store.snapshot(of: AgentID("new")).trial == nil)
                let second = try await store.startTrial(
                    of: "web", contentHash: .init(repeating: 2, count: 32), compiled: [2], at: 101, lifetime: 10)
                #expect(try store.policy(of: first) == nil)
                #expect(try store.policy(of: second) == [2])
                let result = TrialResult(
                    agent: try AgentID("well"), appraisedRecords: 7, assignedTier: .affirming, assignedHash: nil,
                    tier: .contraindicated, findings: Findings(), givenAt: 102)
                try await store.keep(result, of: first.number)
                #expect(try store.results(of: first.number) == [])
                try await store.keep(result, of: second.number)
                #expect(try store.results(of: second.number) == [result])
                #expect(try store.snapshot(of: AgentID("well")).trial == nil)
                #expect(try store.snapshot(of: AgentID("silent")).trial == second)
                #expect(try store.check().problems.map(\.description) == [])
                // Expired by the time of the next one, of whichever name.
                let third = try await store.startTrial(
                    of: "spare", contentHash: .init(repeating: 3, count: 32), compiled: [3], at: 200, lifetime: 10)
                #expect(try store.results(of: second.number) == [])
                try await store.endTrial(third.number)
                #expect(try store.policy(of: third) == nil)
            }
        }
    }
}
