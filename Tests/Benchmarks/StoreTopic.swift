import Appraisal
import AssayCrypto
import Dispatch
import Foundation
import IMA
import Store
import Synchronization
import SystemPackage
import TPM

/// The verifier's store on this machine's disk: commits of many sessions at once, its size, and large fleets.
///
/// A transaction of LMDB costs one fdatasync and one write of a page through O_DSYNC, so that the disk's own rate of
/// fdatasyncs, taken in the same minute, bounds what one session alone can get.
enum StoreTopic: Topic {
    static let name = "store"
    private static let sessions = [1, 10, 1000]
    private static let seconds = 2.0
    private static let fleet = 100_000

    static func rows(_ bench: Bench) throws -> [Row] {
        var rows: [Row] = []
        for count in sessions {
            let disk = try Disk.syncsPerSecond(in: bench.workspace)
            let measured = try commits(bench.workspace, sessions: count)
            rows += row(measured, sessions: count, disk)
        }
        rows.append(try size(bench.workspace))
        if !bench.isQuick { rows += try large(bench) }
        return rows
    }

    private static func row(_ measured: Commits, sessions count: Int, _ disk: Double) -> [Row] {
        let yardstick = String(format: "disk %.0f fdatasync/s", disk)
        let name = "\(count) session\(count == 1 ? "" : "s")"
        return [
            Row(
                work: "commits, \(name)", value: measured.perSecond / disk, bound: .told,
                ours: String(format: "%.0f/s", measured.perSecond), yardstick: yardstick),
            Row(
                work: "fdatasyncs per attestation, \(name)", value: measured.syncsPerCommit,
                bound: count < 1000 ? .told : .atMost(must: 0.1, aim: 0.01),
                ours: String(format: "%.4f", measured.syncsPerCommit), yardstick: yardstick),
        ]
    }

    private struct Commits: Sendable {
        let perSecond: Double
        let syncsPerCommit: Double
    }

    /// Sessions that commit one verdict after the other, each as soon as the one before is durable.
    private static func commits(_ workspace: Workspace, sessions: Int) throws -> Commits {
        try withStore(workspace, "commits") { store in
            let ids = try await Fleet.enrol(sessions, in: store)
            let before = store.statistics
            let began = ContinuousClock.now
            let end = began + .seconds(seconds)
            let count = try await withThrowingTaskGroup(of: Int.self) { group in
                for id in ids {
                    group.addTask {
                        var count = 0
                        while ContinuousClock.now < end {
                            try await Fleet.attest(id, keys: Fleet.keys, in: store)
                            count += 1
                        }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            let time = (ContinuousClock.now - began) / .seconds(1)
            let transactions = store.statistics.transactions - before.transactions
            return Commits(
                perSecond: Double(count) / time, syncsPerCommit: Double(transactions) / Double(max(count, 1)))
        }
    }

    /// Bytes of one agent of many: state, 3 keyrings with 8 keys, 100 verdicts.
    private static func size(_ workspace: Workspace) throws -> Row {
        let agents = 500
        let bytes = try withStore(workspace, "size") { store in
            let ids = try await Fleet.enrol(agents, in: store)
            try await Fleet.each(ids) { id in
                for _ in 0..<100 { try await Fleet.attest(id, keys: Fleet.keys, in: store) }
            }
            return try store.room().usedBytes / agents
        }
        let kibibytes = Double(bytes) / 1024
        return Row(
            work: "one agent: 3 keyrings, 8 keys, 100 verdicts", value: kibibytes, unit: " KiB",
            bound: .atMost(must: 24, aim: 20), ours: "\(bytes) bytes", yardstick: "goal 24 KiB")
    }

    private static func large(_ bench: Bench) throws -> [Row] {
        let path = try largeStore(bench.workspace)
        let disk = String(format: "disk %.0f fdatasync/s", try Disk.syncsPerSecond(in: bench.workspace))
        let opening = try Clock.wall.least(of: bench.rounds) {
            let store = try Store(path: path, mode: .readOnly)
            store.close()
        }
        let listing = try Clock.wall.least(of: bench.rounds) {
            let child = try Child.run(bench.verifier, ["agents", "list", "--store", path.string])
            guard child.status == 0, child.outputBytes.count(where: { $0 == UInt8(ascii: "\n") }) == fleet + 1 else {
                throw BenchmarkError("agents list: \(child.output.prefix(1000))")
            }
        }
        return [
            Row(
                work: "opening a store of \(fleet) agents", value: opening * 1e3, unit: " ms",
                bound: .atMost(must: 50, aim: 5), ours: String(format: "%.2f ms", opening * 1e3), yardstick: disk),
            Row(
                work: "agents list over \(fleet) agents, the whole process", value: listing, unit: " s",
                bound: .atMost(must: 0.5, aim: 0.4), ours: String(format: "%.3f s", listing), yardstick: disk),
        ]
    }

    /// A store of many agents that have attested once; kept for the next run.
    private static func largeStore(_ workspace: Workspace) throws -> FilePath {
        let folder = workspace.file("store-\(fleet)")
        let path = FilePath(folder.path)
        let partial = FilePath(folder.path + ".partial")
        guard !FileManager.default.fileExists(atPath: path.string) else { return path }
        try? FileManager.default.removeItem(atPath: partial.string)
        let store = try Store(path: partial)
        try blocking {
            let ids = try await Fleet.enrol(fleet, in: store)
            try await Fleet.each(ids) { try await Fleet.attest($0, keys: Fleet.oneKey, in: store) }
        }
        store.close()
        try FileManager.default.moveItem(atPath: partial.string, toPath: path.string)
        return path
    }

    /// A new store, gone afterwards.
    private static func withStore<Result: Sendable>(
        _ workspace: Workspace, _ name: String, _ body: @escaping @Sendable (Store) async throws -> Result
    ) throws -> Result {
        let folder = workspace.file("store-\(name)")
        try? FileManager.default.removeItem(at: folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try Store(path: FilePath(folder.path))
        defer { store.close() }
        return try blocking { try await body(store) }
    }
}

/// Agents as a fleet has them.
private enum Fleet {
    /// 8 keys on 3 keyrings. A certificate of a 2,048-bit RSA key has 813 to 819 bytes in the logs of the fixtures.
    static let keys = KeyringModel(
        keyrings: [".ima": (0..<4).map(key), ".evm": (4..<6).map(key), ".builtin_trusted_keys": (6..<8).map(key)]
            .reduce(into: [:]) { $0[Array($1.key.utf8)] = $1.value }, unusable: [])
    static let oneKey = KeyringModel(keyrings: [Array(".ima".utf8): [key(0)]], unusable: [])

    private static func key(_ number: Int) -> LearnedKey {
        let der = (0..<817).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
        let digest = PCRBank.sha256.digest(of: der)
        return LearnedKey(
            keyID: KeyID(UInt32(number)), certificateFingerprint: digest,
            fingerprint: PCRBank.sha256.digest(of: Array(der.dropFirst())), subject: "Signing key \(number)",
            record: UInt64(number), firstSeen: 1_800_000_000,
            material: KeyMaterial(der: der, subjectPublicKeyInfo: Array(der[100..<394])))
    }

    static func enrol(_ count: Int, in store: Store) async throws -> [AgentID] {
        let ids = try (0..<count).map { try AgentID("host-\($0).example.com") }
        try await each(ids) { id in
            try await store.enrol(
                Agent(
                    id: id, attestationKeyPublic: [UInt8](repeating: 1, count: 120),
                    attestationKeyName: [0, 11] + PCRBank.sha256.digest(of: id.bytes).bytes, enrolledAt: 1_800_000_000))
        }
        return ids
    }

    /// Does something for each agent, for up to a thousand of them at once.
    static func each(_ ids: [AgentID], _ body: @escaping @Sendable (AgentID) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, id) in ids.enumerated() {
                if index >= 1000 { try await group.next() }
                group.addTask { try await body(id) }
            }
            try await group.waitForAll()
        }
    }

    /// A session's two meetings with the store: it reads the agent, and commits a verdict.
    static func attest(_ id: AgentID, keys: KeyringModel, in store: Store) async throws {
        let snapshot = try store.snapshot(of: id)
        let number = snapshot.basis.verdictNumber + 1
        let appraisal = AppraisalState(
            nextRecord: number * 20, recordsReceived: number * 20, fileRecords: number * 19,
            lanes: [.init(bank: .sha256, pcr: 10, forms: .own, value: Digest(repeating: 7, count: 32))],
            keyrings: keys, findings: Findings())
        let outcome = Outcome(
            agent: id, basis: snapshot.basis,
            progress: .init(
                clockInfo: ClockInfo(clock: number, resetCount: 3, restartCount: 0, isSafe: true),
                selection: PCRSelection(banks: [.sha256], pcrs: PCRSet(0...10)), appraisal: appraisal),
            tier: .affirming, appraisedRecords: number * 20, excessRecords: 0, findings: Findings(),
            challengedAt: 1_800_000_000 + Int64(number) * 60, givenAt: 1_800_000_001 + Int64(number) * 60)
        guard case .committed = try await store.commit(outcome) else { throw BenchmarkError("a commit was refused") }
    }
}

/// What the disk can do.
private enum Disk {
    /// How often a second a page can be written and made durable.
    static func syncsPerSecond(in workspace: Workspace) throws -> Double {
        let file = workspace.file("fdatasync")
        defer { try? FileManager.default.removeItem(at: file) }
        let descriptor = try FileDescriptor.open(
            FilePath(file.path), .readWrite, options: [.create, .truncate], permissions: [.ownerReadWrite])
        defer { try? descriptor.close() }
        var page = [UInt8](repeating: 0, count: 4096)
        try descriptor.writeAll(page)
        var count = 0
        let began = ContinuousClock.now
        let end = began + .seconds(1)
        while ContinuousClock.now < end {
            page[0] &+= 1
            try descriptor.writeAll(toAbsoluteOffset: 0, page)
            guard fdatasync(descriptor.rawValue) == 0 else { throw BenchmarkError("fdatasync: error \(errno)") }
            count += 1
        }
        return Double(count) / ((ContinuousClock.now - began) / .seconds(1))
    }
}

/// Runs what is asynchronous to its end, from a thread that may wait.
private func blocking<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) throws -> Result {
    let ended = DispatchSemaphore(value: 0)
    let result = Mutex<Swift.Result<Result, any Error>?>(nil)
    Task.detached {
        let outcome: Swift.Result<Result, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        result.withLock { $0 = outcome }
        ended.signal()
    }
    ended.wait()
    guard let outcome = result.withLock(\.self) else { throw BenchmarkError("no outcome") }
    return try outcome.get()
}
