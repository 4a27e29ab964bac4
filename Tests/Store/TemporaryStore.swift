import Appraisal
import Foundation
import SystemPackage
import Testing

@testable import Store

/// A store in a folder of its own. When the test ends it is opened once more, all of it is read, and it is removed.
struct TemporaryStore {
    let path: FilePath

    /// Runs a test on a new store.
    static func run(
        size: Store.Size = .init(), history: HistoryBounds = .init(), _ body: (Store) async throws -> Void
    ) async throws {
        try await inFolder { folder in
            let store = try Store(path: folder.path, size: size, history: history)
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

    /// Reads all that the store has: nothing may be damaged, and the parts must fit each other.
    func check() throws {
        let check = try StoreCheck(path)
        #expect(check.problems.map(\.description) == [])
    }

    func withEnvironment(_ body: (Environment) throws -> Void) throws {
        let environment = try Environment(path: path, readOnly: false, mapSize: .init(), maximumDatabases: 32)
        defer { environment.close() }
        try body(environment)
    }

    /// Has the header say another version.
    func setVersion(_ version: UInt32) throws {
        try withEnvironment { environment in
            try environment.write { (transaction) throws(StoreError) in
                let meta = try transaction.create("meta")
                let bytes = try transaction.bytes(of: Schema.MetaKey.header, in: meta)
                guard var header = bytes.flatMap(StoreHeader.init) else { throw StoreError(.notFound, "no header") }
                header.version = version
                try transaction.put(Schema.MetaKey.header, header.bytes, in: meta)
            }
        }
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
