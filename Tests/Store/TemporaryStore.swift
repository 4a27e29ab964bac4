import Appraisal
import Foundation
import Store
import SystemPackage
import Testing

/// A store in a folder of its own. When the test ends it is opened once more, all of it is read, and it is removed.
struct TemporaryStore {
    let path: FilePath

    /// Runs a test on a new store.
    static func run(size: Store.Size = .init(), _ body: (Store) async throws -> Void) async throws {
        try await inFolder { folder in
            let store = try Store(path: folder.path, size: size)
            defer { store.close() }
            try await body(store)
            store.close()
            try folder.check()
        }
    }

    /// Runs a test in a folder that doesn't exist yet.
    static func inFolder(_ body: (TemporaryStore) async throws -> Void) async throws {
        let parent = FileManager.default.temporaryDirectory.appending(path: "assay-store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: parent) }
        try await body(TemporaryStore(path: FilePath(parent.path).appending("store")))
    }

    /// Opens the store and reads all that it has: nothing may be damaged, and the parts must fit each other.
    func check() throws {
        let store = try Store(path: path, mode: .readOnly)
        defer { store.close() }
        for summary in try store.agents(limit: .max) {
            let id = try summary.get().agent.id
            let snapshot = try store.snapshot(of: id)
            let verdict = try store.verdict(of: id)
            #expect(snapshot.verdict == verdict?.verdict)
            #expect(snapshot.state?.verdictNumber ?? 0 <= snapshot.verdict?.number ?? 0)
            #expect(verdict?.findings.failures ?? [:] == verdict?.verdict.failures ?? [:])
            #expect(verdict?.findings.warnings ?? [:] == verdict?.verdict.warnings ?? [:])
        }
        for name in try store.policyNames() {
            #expect(try store.policySource(name.contentHash) != nil)
            #expect(try store.compiledPolicy(name.contentHash) != nil)
        }
        _ = try store.deniedKeys()
    }
}

/// The store's error that an operation throws; nil if it succeeds.
func storeError(_ operation: () async throws -> Void) async -> StoreError? {
    do {
        try await operation()
        return nil
    } catch {
        return error as? StoreError
    }
}
