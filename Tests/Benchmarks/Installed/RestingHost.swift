import Foundation
import StandInKernel
import TPMDevice
import TestSupport

/// A host whose agent has joined, has attested once, and waits for its next turn; everything as an operator would do it.
final class RestingHost {
    /// What two processes have in RAM, in MiB.
    struct Memory {
        let agent: Double
        let verifier: Double
    }

    static func memory(of programs: Programs) throws -> Memory {
        let host = try RestingHost(programs)
        defer { host.stop() }
        return try host.rest()
    }

    private let programs: Programs
    private let folder: URL
    private let tpm: SoftwareTPM
    private var processes: [Process] = []

    private init(_ programs: Programs) throws {
        self.programs = programs
        folder = FileManager.default.temporaryDirectory.appending(path: "assay-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        tpm = try SoftwareTPM()
    }

    private func stop() {
        for process in processes.reversed() {
            process.terminate()
            process.waitUntilExit()
        }
        tpm.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    private func rest() throws -> Memory {
        let log = try measuredLog()
        let configuration = ["--config", path("verifier.yaml")]
        try run(programs.verifier, ["init", "--name", "localhost", "--dir", path("verifier")] + configuration)
        let policy = try run(programs.verifier, ["policy", "create", "--log", log])
        try Data(policy.utf8).write(to: URL(filePath: path("policy.json")))
        let verifier = try start(
            programs.verifier,
            ["serve", "--json", "--log-level", "warning"] + configuration
                + ["listen.port=0", "listen.host=127.0.0.1", "monitoring.port=0"].flatMap { ["--set", $0] })
        let port = try verifier.line(Addresses.self).port
        try run(programs.verifier, ["policy", "put", "web", path("policy.json")] + configuration)
        let invitation = try run(
            programs.verifier,
            ["invite", "--id", "web-1", "--policy", "web", "--json", "--set", "join.address=localhost:\(port)"]
                + configuration)
        let token = try JSONDecoder().decode(Invitation.self, from: Data(invitation.utf8)).token
        let agentConfiguration = ["--config", path("agent.yaml")]
        try run(
            programs.agent,
            ["join", token, "--state", path("agent"), "--tcti", tpm.tcti, "--log", log] + agentConfiguration)
        let agent = try start(programs.agent, ["run", "--log-level", "warning"] + agentConfiguration)
        try awaitVerdict(configuration)
        // What the round needed is given back by then.
        Thread.sleep(forTimeInterval: 3)
        return Memory(
            agent: try ProcessUsage(of: agent.process.processIdentifier).resident,
            verifier: try ProcessUsage(of: verifier.process.processIdentifier).resident)
    }

    private struct Addresses: Decodable {
        let port: Int
    }

    private struct Invitation: Decodable {
        let token: String
    }

    /// A log of a real kernel, and the TPM that it was measured into.
    private func measuredLog() throws -> String {
        let records = try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/log/binary_runtime_measurements")
        let log = URL(filePath: path("binary_runtime_measurements"))
        let tcti = tpm.tcti
        try awaiting {
            try await StandInKernel(device: TPMDevice(tcti: tcti), log: log)
                .measure(try KernelRecords.cut(records, count: 155))
        }
        return log.path
    }

    private func awaitVerdict(_ configuration: [String]) throws {
        for _ in 0..<300 {
            let agents = try Child.run(programs.verifier.path, ["agents", "list"] + configuration).output
            if agents.contains("affirming") || agents.contains("warning") { return }
            Thread.sleep(forTimeInterval: 0.2)
        }
        throw BenchmarkError("no verdict within a minute")
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    @discardableResult
    private func run(_ program: URL, _ arguments: [String]) throws -> String {
        let child = try Child.run(program.path, arguments)
        guard child.status == 0 else {
            throw BenchmarkError("\(program.lastPathComponent) \(arguments): \(child.output)")
        }
        return child.output
    }

    /// A process that runs on, and what it says.
    private struct Service {
        let process = Process()
        let output = Pipe()

        func line<Line: Decodable>(_ type: Line.Type) throws -> Line {
            var text = Data()
            while text.last != UInt8(ascii: "\n") {
                let more = output.fileHandleForReading.availableData
                guard !more.isEmpty else { throw BenchmarkError("a service ended at once") }
                text += more
            }
            return try JSONDecoder().decode(type, from: text)
        }
    }

    private func start(_ program: URL, _ arguments: [String]) throws -> Service {
        let service = Service()
        service.process.executableURL = program
        service.process.arguments = arguments
        service.process.standardOutput = service.output
        try service.process.run()
        processes.append(service.process)
        return service
    }
}
