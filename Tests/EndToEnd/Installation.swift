import Appraisal
import Foundation
import IMA
import StandInKernel
import Store
import SystemPackage
import TestSupport

/// Both programs as an operator has them: configuration files, a store, and a relay between the two.
struct Installation: Sendable {
    let workshop: Workshop
    let relay: Relay

    /// - Parameter allowed: the log whose records the policy allows.
    static func run(allowing allowed: [UInt8], _ body: (Installation) async throws -> Void) async throws {
        try await Workshop.run { workshop in
            let relay = try await Relay.start(to: 0)
            let result = await Result.of {
                let installation = Installation(workshop: workshop, relay: relay)
                try installation.configure()
                try await installation.makeStore("store", allowing: allowed)
                try await body(installation)
            }
            await relay.stop()
            try result.get()
        }
    }

    var host: Host { workshop.host }

    /// `assay-verifier serve`, once it listens; the relay leads to it.
    ///
    /// - Parameters:
    ///   - settings: over those of the file, such as `storage.limit=1`.
    ///   - descriptors: how many files it may have open; nil for as many as the tests.
    func serve(
        store: String = "store", settings: [String] = [], descriptors: Int? = nil
    ) async throws -> Program {
        let command =
            [Program.path(of: "assay-verifier"), "serve", "--config", path("verifier.yaml"), "--store", path(store)]
            + ["--log-level", "debug"] + settings.flatMap { ["--set", $0] }
        let limited = descriptors.map { ["prlimit", "--nofile=\($0):\($0)"] + command } ?? command
        let verifier = try Program(path: limited[0], Array(limited.dropFirst()), in: workshop.folder)
        try await verifier.wait(for: "listening on 127.0.0.1:")
        let port = verifier.output.split(separator: "\n").lazy.compactMap { line -> Int? in
            line.hasPrefix("listening on ") ? Int(line.drop { $0 != ":" }.dropFirst()) : nil
        }.first
        guard let port else { throw Unexpected("no port in: \(verifier.output)") }
        relay.lead(to: port)
        return verifier
    }

    /// `assay-agent attest --once` or `assay-agent run`.
    func agent(_ arguments: [String]) throws -> Program {
        try Program("assay-agent", arguments + ["--config", path("agent.yaml")], in: workshop.folder)
    }

    /// Another command of the verifier's, on the same store.
    func verifier(_ arguments: [String]) throws -> Program {
        try Program("assay-verifier", arguments + ["--store", path("store")], in: workshop.folder)
    }

    /// Attests to its end; returns the exit code.
    func attest() async throws -> Int32? {
        try await agent(["attest", "--once", "--json"]).exitCode()
    }

    /// What a store knows of the host, read beside a server.
    func snapshot(_ name: String = "store") throws -> AgentSnapshot {
        let store = try Store(path: FilePath(path(name)), mode: .readOnly)
        defer { store.close() }
        return try store.snapshot(of: AgentID(Host.id))
    }

    /// A fresh store with the host enrolled.
    func makeStore(_ name: String, allowing allowed: [UInt8]) async throws {
        let store = try Store(path: FilePath(path(name)))
        defer { store.close() }
        try await store.enrol(host)
        try await store.assign(allowed)
    }

    /// The same log attested to another verifier, that nobody disturbs.
    func undisturbed(allowing allowed: [UInt8]) async throws -> Known {
        try await makeStore("undisturbed", allowing: allowed)
        relay.limit(nil)
        let verifier = try await serve(store: "undisturbed")
        guard try await attest() == 0 else { throw Unexpected("not attested: \(verifier.output)") }
        verifier.kill()
        return Known(try snapshot("undisturbed"))
    }

    /// A file of the installation.
    func path(_ name: String) -> String { workshop.folder.appending(path: name).path }

    private func configure() throws {
        let pki = workshop.pki
        try write(
            """
            listen: { host: 127.0.0.1, port: 0 }
            tls:
              certificate: \(pki.path("verifier.pem"))
              key: \(pki.path("verifier.key"))
              trust: \(pki.path("ca.pem"))
            attestation: { interval: 1, shard_bytes: 65536 }
            monitoring: { port: 0 }
            """, "verifier.yaml")
        try write(
            """
            verifier: { host: 127.0.0.1, port: \(relay.port) }
            tls:
              certificate: \(pki.path("agent.pem"))
              key: \(pki.path("agent.key"))
              trust: \(pki.path("ca.pem"))
            tpm: { tcti: "\(host.tpm.tcti)" }
            log: { path: \(host.kernel.log.path) }
            state: \(host.stateFolder.path)
            """, "agent.yaml")
    }

    private func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: workshop.folder.appending(path: name))
    }
}

/// What two verifiers must agree on that have seen the same log, however it came.
struct Known: Hashable {
    let nextRecord: UInt64?
    let recordsReceived: UInt64?
    let fileRecords: UInt64?
    let lanes: [PCRReplay.Lane]?
    let keys: [[UInt8]: [String]]?
    let tier: Tier?
    let findings: Findings?

    init(_ snapshot: AgentSnapshot) {
        nextRecord = snapshot.state?.nextRecord
        recordsReceived = snapshot.state?.recordsReceived
        fileRecords = snapshot.state?.fileRecords
        lanes = snapshot.state?.lanes
        keys = snapshot.appraisal?.keyrings.keyrings.mapValues {
            $0.map { "\($0.keyID) \($0.fingerprint) \($0.record)" }
        }
        tier = snapshot.verdict?.tier
        findings = snapshot.appraisal?.findings
    }
}
