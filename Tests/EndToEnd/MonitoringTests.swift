import Foundation
import StandInKernel
import Store
import SystemPackage
import TestSupport
import Testing

extension EndToEnd {
    @Suite("What a running verifier shows of itself") struct MonitoringTests {
        @Test("health, and metrics that count what has happened, over HTTP") func metrics() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let port = try verifier.monitoringPort()
                #expect(try httpGet(port: port, path: "/healthz").status == 200)
                let before = try Samples(port: port)
                #expect(before[#"assay_attestations_total{tier="affirming"}"#] == 0)
                #expect(before["assay_oldest_verdict_age_seconds"]?.isNaN == true)
                #expect(before[#"assay_agents_by_state{state="never_attested"}"#] == 1)

                #expect(try await installation.attest() == 0, "\(verifier.output)")
                try await installation.host.kernel.measure(KernelRecords.file("/tmp/back door", content: [1]))
                #expect(try await installation.attest() == 1)
                try await until("the agent has hung up") {
                    try Samples(port: port)["assay_connections"] == 0
                }
                let after = try Samples(port: port)
                #expect(after[#"assay_attestations_total{tier="affirming"}"#] == 1)
                #expect(after[#"assay_attestations_total{tier="contraindicated"}"#] == 1)
                #expect(after[#"assay_attestations_by_reason_total{reason="not_in_policy"}"#] == 1)
                #expect(after["assay_records_total"] == 61)
                #expect(try #require(after["assay_log_bytes_total"]) > 61 * 40)
                #expect(after["assay_commit_seconds_count"] == 2 && after["assay_round_seconds_count"] == 2)
                #expect(after[#"assay_commit_seconds_bucket{le="+Inf"}"#] == 2)
                #expect(after["assay_connections_total"] == 2)
                #expect(after[#"assay_agents{tier="contraindicated"}"#] == 1)
                #expect(after[#"assay_agents_by_state{state="contraindicated"}"#] == 1)
                #expect(try #require(after["assay_oldest_verdict_age_seconds"]) < 600)
                #expect(try #require(after["assay_store_transactions_total"]) >= 2)
                #expect(try #require(after["process_resident_memory_bytes"]) > 1_000_000)
                #expect(after[#"assay_build_info{version="0.1.0"}"#] == 1)
                // No label is an agent's, or from a log.
                #expect(!after.text.contains("web-1") && !after.text.contains("back door"))
            }
        }

        @Test("signatures by what became of them") func signatures() async throws {
            let log = try KernelLogs.imasig.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                _ = try await installation.attest()
                let samples = try Samples(port: try verifier.monitoringPort())
                #expect(samples["assay_records_total"] == 203)
                #expect(try #require(samples[#"assay_signatures_total{result="verified"}"#]) > 0)
                #expect(try #require(samples[#"assay_signatures_total{result="failed"}"#]) > 0)
            }
        }

        @Test("signatures that a second host shows, too, are remembered of the first") func remembered() async throws {
            let log = try KernelLogs.imasig.get()
            try await Newcomer.run { first in
                #expect(try await first.initialize(port: Newcomer.freePort()).exit == 0)
                try await first.putPolicy(allowing: log)
                let verifier = try await first.serve(settings: ["monitoring.port=0"])
                let port = try verifier.monitoringPort()
                /// What the verifier has counted once a host has joined and attested.
                func samples(after host: Newcomer) async throws -> (verified: Double, remembered: Double) {
                    try await host.host.kernel.measure(log)
                    let joined = try await host.join(try await first.invite(["--id", host.folder.lastPathComponent]))
                    let attested = try await host.agent(["attest", "--once"])
                    #expect(joined.exit == 0 && attested.exit == 0, "\(joined.output)\(attested.output)")
                    let samples = try Samples(port: port)
                    return (
                        try #require(samples[#"assay_signatures_total{result="verified"}"#]),
                        try #require(samples[#"assay_signatures_total{result="remembered"}"#])
                    )
                }
                let one = try await samples(after: first)
                try await Newcomer.run { second in
                    let both = try await samples(after: second)
                    #expect(one.verified > 0 && both.verified == one.verified)
                    #expect(both.remembered - one.remembered == one.verified + one.remembered)
                }
                verifier.kill()
            }
        }

        @Test("an error by its word, when an agent is refused") func errors() async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let store = try Store(path: FilePath(installation.workshop.folder.path).appending("store"))
                try await store.setRevocation(of: AgentID(Host.id), at: now())
                store.close()
                let verifier = try await installation.serve()
                #expect(try await installation.attest() == 3)
                let port = try verifier.monitoringPort()
                #expect(try Samples(port: port)[#"assay_errors_total{word="permission_denied"}"#] == 1)
            }
        }

        @Test("each change of tier to a command: affirmed, contraindicated, and silent for too long") func hook()
            async throws
        {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                let told = try installation.addHook("attestation: { interval: 1, shard_bytes: 65536, max_age: 5 }")
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                try await until("the hook is told of the first verdict") { try told().count == 1 }
                try await installation.host.kernel.measure(KernelRecords.file("/tmp/back door", content: [1]))
                #expect(try await installation.attest() == 1)
                try await until("the hook is told of the silence: \(verifier.output)") { try told().count == 3 }
                #expect(
                    try told().map { [$0["from"], $0["to"], $0["state"]] } == [
                        ["none", "affirming", "current"], ["affirming", "contraindicated", "contraindicated"],
                        ["contraindicated", "none", "unreachable"],
                    ])
                #expect(try told().allSatisfy { $0["agent"] == Host.id })
                let samples = try Samples(port: try verifier.monitoringPort())
                #expect(samples[#"assay_hook_events_total{hook="command",result="delivered"}"#] == 3)
            }
        }

        @Test("a port in use is an error that says what to set, for health as for agents") func portInUse()
            async throws
        {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                let verifier = try await installation.serve()
                let monitoring = try verifier.monitoringPort()
                try await installation.makeStore("other", allowing: log)
                let second = try installation.program(
                    ["serve", "--store", "other"], ["ASSAY_VERIFIER_MONITORING_PORT": "\(monitoring)"])
                #expect(try await second.exitCode() == 3)
                #expect(second.output.contains("monitoring.port") && second.output.contains("in use"))
                #expect(!second.output.contains("listening on"))
                let third = try installation.program(
                    ["serve", "--store", "other"], ["ASSAY_VERIFIER_LISTEN_PORT": "\(monitoring)"])
                #expect(try await third.exitCode() == 3)
                #expect(third.output.contains("listen.port") && third.output.contains("in use"))
            }
        }

        @Test(
            "a setting that can't be used is a usage error that names it",
            arguments: [
                ["ASSAY_VERIFIER_HOOKS_COMMAND": "notify"], ["ASSAY_VERIFIER_HOOKS_WEBHOOK": "alerts.example"],
                ["ASSAY_VERIFIER_MONITORING_ENABLED": "perhaps"], ["ASSAY_VERIFIER_HOOKS_ATTEMPTS": "0"],
            ])
        func badSetting(setting: [String: String]) async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                let verifier = try installation.program(["serve"], setting)
                #expect(try await verifier.exitCode() == 2, "\(verifier.output)")
                let key = setting.keys.first.map {
                    $0.dropFirst("ASSAY_VERIFIER_".count).lowercased().replacing("_", with: ".", maxReplacements: 1)
                }
                #expect(verifier.output.contains(try #require(key)))
            }
        }
    }
}

/// What `/metrics` says: value by series.
struct Samples {
    let text: String
    private let values: [String: Double]

    init(port: Int) throws {
        let answer = try httpGet(port: port, path: "/metrics")
        guard answer.status == 200 else { throw Unexpected("status \(answer.status): \(answer.body)") }
        text = answer.body
        values = Dictionary(
            answer.body.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
                line.lastIndex(of: " ").map { (String(line[..<$0]), Double(line[$0...].dropFirst()) ?? .infinity) }
            }
        ) { first, _ in first }
    }

    subscript(series: String) -> Double? { values[series] }
}

extension Program {
    /// Where health and metrics are, as the program says.
    func monitoringPort() throws -> Int {
        let prefix = "health and metrics at http://127.0.0.1:"
        let line = output.split(separator: "\n").first { $0.hasPrefix(prefix) }
        guard let port = line.flatMap({ Int($0.dropFirst(prefix.count)) }) else { throw Unexpected(output) }
        return port
    }
}

extension Installation {
    /// The verifier with its configuration, and variables over that.
    fileprivate func program(_ arguments: [String], _ variables: [String: String]) throws -> Program {
        let folder = workshop.folder
        let stores = arguments.map { $0 == "other" ? folder.appending(path: $0).path : $0 }
        let own = arguments.contains("--store") ? [] : ["--store", folder.appending(path: "store").path]
        return try Program(
            "assay-verifier", stores + ["--config", folder.appending(path: "verifier.yaml").path] + own, in: folder,
            environment: variables)
    }

    /// Has each change of tier written into a file.
    ///
    /// - Parameter attestation: in place of the configuration's line.
    /// - Returns: what was written, read anew with each call.
    fileprivate func addHook(_ attestation: String) throws -> () throws -> [[String: String]] {
        let events = workshop.folder.appending(path: "events")
        let script = workshop.folder.appending(path: "hook")
        try Data("#!/bin/sh\ncat >>'\(events.path)'\n".utf8).write(to: script)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: script.path)
        let file = workshop.folder.appending(path: "verifier.yaml")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter {
            !$0.hasPrefix("attestation:")
        }
        try Data((lines.joined(separator: "\n") + "\n\(attestation)\nhooks: { command: \(script.path) }\n").utf8)
            .write(to: file)
        return {
            let text = (try? String(contentsOf: events, encoding: .utf8)) ?? ""
            return try text.split(separator: "\n").compactMap { line in
                (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?
                    .compactMapValues { $0 as? String }
            }
        }
    }
}
