import Appraisal
import Foundation
import Store
import SystemPackage
import TPM
import TestSupport

/// The real `assay-verifier serve`, with a store of its own.
final class VerifierProcess {
    let process = Process()
    private let folder: URL
    let port: Int

    private struct Addresses: Decodable {
        let port: Int
    }

    /// - Parameters:
    ///   - folder: empty, for its store and configuration.
    ///   - policy: what its one policy allows, compiled beside its source.
    init(_ program: String, in folder: URL, certificates: TestPKI, workload: Workload) throws {
        self.folder = folder
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = FilePath(folder.appending(path: "store").path)
        let source = [UInt8](try Data(contentsOf: URL(filePath: workload.policyFile)))
        let compiled = workload.policy.compiled
        try awaiting {
            let store = try Store(path: path)
            defer { store.close() }
            _ = try await store.putPolicy("bench", source: source, compiled: compiled, at: 1)
        }
        let file = folder.appending(path: "verifier.yaml").path
        try Data(
            """
            listen: { host: 127.0.0.1, port: 0 }
            tls:
              certificate: \(certificates.path("verifier.pem"))
              key: \(certificates.path("verifier.key"))
              trust: \(certificates.path("ca.pem"))
            monitoring: { port: 0 }
            """.utf8
        ).write(to: URL(filePath: file))
        process.executableURL = URL(filePath: program)
        process.arguments = [
            "serve", "--config", file, "--store", folder.appending(path: "store").path, "--json",
            "--log-level", "warning",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        var text = Data()
        while text.last != UInt8(ascii: "\n") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw BenchmarkError("assay-verifier serve ended before it listened") }
            text += more
        }
        port = try JSONDecoder().decode(Addresses.self, from: text).port
    }

    /// Enrols the agent anew, with nothing known of it.
    ///
    /// - Parameter publicArea: TPMT_PUBLIC.
    func enrol(_ publicArea: [UInt8]) throws {
        let path = FilePath(folder.appending(path: "store").path)
        let agent = Agent(
            id: try AgentID(AgentProcess.id),
            attestationKeyPublic: [UInt8(publicArea.count >> 8), UInt8(publicArea.count & 255)] + publicArea,
            attestationKeyName: try PublicArea(tpmtPublic: publicArea).name(), enrolledAt: 1)
        try awaiting {
            let store = try Store(path: path)
            defer { store.close() }
            try? await store.remove(agent.id)
            try await store.enrol(agent)
            try await store.assignPolicy("bench", to: agent.id)
        }
    }

    var usage: ProcessUsage { get throws { try ProcessUsage(of: process.processIdentifier) } }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
