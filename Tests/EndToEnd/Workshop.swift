import Appraisal
import Foundation
import Store
import SystemPackage
import TPMDevice
import TestSupport
import Transport

/// What every test needs, and nothing of which is left: a folder, certificates, a host.
struct Workshop: Sendable {
    let folder: URL
    let pki: TestPKI
    let host: Host

    static func run(_ body: (Workshop) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-end-to-end-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let pki = try TestPKI()
        defer { pki.remove() }
        let host = try await Host(in: folder)
        defer { host.tpm.stop() }
        try await body(Workshop(folder: folder, pki: pki, host: host))
    }

    /// Where the verifier's store is, or comes to be.
    var storePath: FilePath { FilePath(folder.path).appending("store") }
}

extension TestPKI {
    func serverContext() throws -> TLSContext {
        try .server(credentials: credentials("verifier"), trustRootsFile: path("ca.pem"))
    }

    func clientContext(_ name: String?) throws -> TLSContext {
        try .client(credentials: name.map(credentials), trustRootsFile: path("ca.pem"))
    }

    private func credentials(_ name: String) -> TLSContext.Credentials {
        .init(certificateChainFile: path("\(name).pem"), privateKeyFile: path("\(name).key"))
    }
}

extension Store {
    /// Enrols the host, judged by no policy.
    func enrol(_ host: Host) async throws {
        try await enrol(
            Agent(
                id: try AgentID(Host.id), attestationKeyPublic: host.key.publicArea,
                attestationKeyName: try host.attestationKeyName(), enrolledAt: now()))
    }

    /// Has the host judged by a policy that allows what a log holds.
    func assign(_ log: [UInt8]) async throws {
        var draft = PolicyDraft()
        try draft.allow(log: log)
        let source = draft.document.json
        let policy = try Policy(source: source)
        try await putPolicy("allowed", source: source, compiled: policy.compiled, at: now())
        try await assignPolicy("allowed", to: try AgentID(Host.id))
    }
}

/// Seconds since 1970.
@Sendable func now() -> Int64 { Int64(Date().timeIntervalSince1970) }

/// Waits until something holds, and fails if it doesn't come to that.
func until(_ what: String, seconds: Double = 60, _ holds: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !holds() {
        guard ContinuousClock.now < end else { throw Unexpected("waited \(seconds) s in vain: \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
