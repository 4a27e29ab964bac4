import Appraisal
import AssayCrypto
import Foundation
import IMA
import Store
import SystemPackage
import TPM
import TestSupport

/// A store with an agent in each state, made without a host.
struct Fleet {
    let folder: URL

    /// A policy that allows nothing.
    static let source = PolicyDraft().document.json

    static func run(_ body: (Fleet) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-fleet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fleet = Fleet(folder: folder)
        try await fleet.fill()
        try await body(fleet)
    }

    private func fill() async throws {
        let store = try Store(path: FilePath(folder.path).appending("store"))
        defer { store.close() }
        let policy = try Policy(source: Self.source)
        for name in ["web", "spare"] {
            try await store.putPolicy(name, source: Self.source, compiled: policy.compiled, at: now())
        }
        try await store.enrol(agent("new", policy: nil))
        try await attest("well", .affirming, age: 5, store)
        try await attest("silent", .affirming, age: 7_300, store)
        try await attest("gone", .affirming, age: 5, store)
        try await store.setRevocation(of: AgentID("gone"), at: now())
        try await attest("evil\n", .contraindicated, age: 5, store)
    }

    private func agent(_ id: String, policy: String?) throws -> Agent {
        Agent(
            id: try AgentID(id), attestationKeyPublic: [1], attestationKeyName: Array(id.utf8), enrolledAt: now(),
            policyName: policy)
    }

    private func attest(_ id: String, _ tier: Tier, age: Int64, _ store: Store) async throws {
        try await store.enrol(agent(id, policy: "web"))
        var findings = Findings()
        if tier == .contraindicated {
            findings.add(Finding(.notInPolicy, record: 9, path: Array("/tmp/\u{1b}[31mdoor".utf8)))
        }
        let state = AppraisalState(
            nextRecord: 1_200, recordsReceived: 1_200, fileRecords: 1_000,
            lanes: [.init(bank: .sha256, pcr: 10, forms: .own, value: Digest(repeating: 1, count: 32))],
            keyrings: KeyringModel(keyrings: [Array(".ima".utf8): [key(1), key(2)]], unusable: []), findings: findings)
        let result = try await store.commit(
            Outcome(
                agent: AgentID(id), basis: store.snapshot(of: AgentID(id)).basis,
                progress: .init(
                    clockInfo: ClockInfo(clock: 1, resetCount: 7, restartCount: 0, isSafe: true),
                    selection: PCRSelection([.init(.sha256, PCRSet([10]))]), appraisal: state),
                tier: tier, appraisedRecords: 1_200, excessRecords: 0, findings: findings, challengedAt: now() - age,
                givenAt: now() - age))
        guard case .committed = result else { throw Unexpected("\(result)") }
    }

    private func key(_ number: UInt8) -> LearnedKey {
        LearnedKey(
            keyID: KeyID(UInt32(number)), certificateFingerprint: PCRBank.sha256.digest(of: [number]),
            fingerprint: PCRBank.sha256.digest(of: [number, 0]), subject: nil, record: 3, firstSeen: 4,
            material: KeyMaterial(der: [number], subjectPublicKeyInfo: [number]))
    }

    struct Said {
        let exit: Int32?
        let output: String

        /// One object a line.
        func objects() throws -> [[String: Any]] {
            try output.split(separator: "\n").compactMap {
                try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
        }
    }

    /// What a command writes to a terminal: script(1) makes one.
    func onTerminal(_ arguments: [String], _ variables: [String: String] = [:]) async throws -> String {
        let store = folder.appending(path: "store").path
        let command = ([Program.path(of: "assay-verifier")] + arguments + ["--store", store]).joined(separator: " ")
        let output = folder.appending(path: UUID().uuidString)
        var child = try ChildProcess(
            "script", ["-qec", command, "/dev/null"], output: output.path,
            environment: ["TERM": "xterm"].merging(variables) { _, own in own })
        let end = ContinuousClock.now + .seconds(60)
        while child.isRunning, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
        return try String(contentsOf: output, encoding: .utf8)
    }

    func verifier(_ arguments: [String]) async throws -> Said {
        let program = try Program(
            "assay-verifier", arguments + ["--store", folder.appending(path: "store").path], in: folder)
        return Said(exit: try await program.exitCode(), output: program.output)
    }
}
