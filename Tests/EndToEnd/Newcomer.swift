import Appraisal
import Foundation
import StandInKernel
import TestSupport

/// Both programs as a new operator meets them: an empty folder, and a host with a TPM. Everything is done by commands.
struct Newcomer: Sendable {
    let folder: URL
    let host: Host
    /// Variables that every command is given.
    var environment: [String: String] = [:]

    static func run(_ body: (Newcomer) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-newcomer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let host = try await Host(in: folder)
        defer { host.tpm.stop() }
        try await body(Newcomer(folder: folder, host: host))
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// `assay-verifier init` with its files in folders of this name; the port may be in use a moment later.
    func initialize(_ name: String = "verifier", port: Int) async throws -> (exit: Int32?, output: String) {
        try await verifier(
            ["init", "--dir", path(name), "--name", "127.0.0.1", "--port", "\(port)"], name)
    }

    /// A command of the verifier's to its end.
    func verifier(
        _ arguments: [String], _ name: String = "verifier"
    ) async throws -> (exit: Int32?, output: String) {
        try await program(arguments + ["--config", path(name + ".yaml")])
    }

    /// A command of the verifier's that takes no configuration.
    func program(_ arguments: [String]) async throws -> (exit: Int32?, output: String) {
        let program = try Program("assay-verifier", arguments, in: folder, environment: environment)
        return (try await program.exitCode(), program.output)
    }

    /// `assay-verifier serve`, once it listens.
    ///
    /// - Parameter settings: over those of the file, such as `monitoring.port=0`.
    func serve(_ name: String = "verifier", settings: [String] = []) async throws -> Program {
        let program = try Program(
            "assay-verifier", ["serve", "--config", path(name + ".yaml")] + settings.flatMap { ["--set", $0] },
            in: folder, environment: environment)
        try await program.wait(for: "listening on ")
        return program
    }

    /// The token that `assay-verifier invite` printed: the first line, behind which stands what to do with it.
    func invite(_ arguments: [String] = [], _ name: String = "verifier") async throws -> String {
        let invited = try await verifier(["invite", "--policy", "allowed"] + arguments, name)
        let lines = invited.output.split(separator: "\n")
        guard invited.exit == 0, lines.count == 2, lines[0].hasPrefix("assayjoin1_"),
            lines[1].contains("assay-agent join")
        else { throw Unexpected("no token: \(invited.output)") }
        return String(lines[0])
    }

    /// `assay-agent join` on the host, with the token in a file.
    ///
    /// - Parameter state: the agent's folder; nil for the host's, which has an attestation key.
    func join(
        _ token: String, _ arguments: [String] = [], state: String? = nil
    ) async throws -> (exit: Int32?, output: String) {
        let file = try self.file(token)
        return try await agent(["join", "--token-file", file] + joinOptions(state: state) + arguments)
    }

    /// What `join` is told of the host.
    func joinOptions(state: String? = nil) -> [String] {
        [
            "--state", state ?? host.stateFolder.path, "--tcti", host.tpm.tcti, "--log", host.kernel.log.path,
        ]
    }

    /// A file that holds a text and a newline.
    func file(_ text: String) throws -> String {
        let file = path("text-\(UUID().uuidString)")
        try Data((text + "\n").utf8).write(to: URL(filePath: file))
        return file
    }

    /// A command of the agent's to its end.
    func agent(_ arguments: [String]) async throws -> (exit: Int32?, output: String) {
        let program = try startAgent(arguments)
        return (try await program.exitCode(), program.output)
    }

    /// - Parameter input: what its standard input is; nil for none.
    func startAgent(_ arguments: [String], input: String? = nil) throws -> Program {
        try Program(
            "assay-agent", arguments + ["--config", path("agent.yaml")], input: input, in: folder,
            environment: environment)
    }

    /// Puts a policy that allows what a log holds.
    func putPolicy(allowing log: [UInt8]) async throws {
        var draft = PolicyDraft()
        try draft.allow(log: log)
        try Data(draft.document.json).write(to: folder.appending(path: "policy.json"))
        let put = try await verifier(["policy", "put", "allowed", path("policy.json")])
        guard put.exit == 0 else { throw Unexpected(put.output) }
    }

    func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    /// A TCP port that was free a moment ago, below those that Linux gives to clients.
    static func freePort() throws -> Int {
        for _ in 0..<50 {
            let port = Int.random(in: 10_000..<32_000)
            if TCPPort.isFree(port) { return port }
        }
        throw Unexpected("no free port")
    }
}
