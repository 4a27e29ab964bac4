import Appraisal
import AssayCrypto
import Foundation
import Store
import SystemPackage
import Testing

@testable import Server

@Suite("The policies of sessions") struct PolicyCacheTests {
    /// A policy's source as it is stored.
    private static func source(_ number: Int) -> [UInt8] {
        PolicyDraft().document.json + Array(repeating: UInt8(ascii: " "), count: number)
    }

    /// A store with so many policies.
    private func run(_ count: Int, _ body: (Store, [Digest]) throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-policies-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try Store(path: FilePath(folder.path).appending("store"))
        defer { store.close() }
        var hashes: [Digest] = []
        for number in 0..<count {
            let source = Self.source(number)
            let compiled = try Policy(source: source).compiled
            hashes.append(try await store.putPolicy("p\(number)", source: source, compiled: compiled, at: 1))
        }
        try body(store, hashes)
    }

    @Test("are one for all that use them, and let go when others are used instead") func bounds() async throws {
        try await run(4) { store, hashes in
            let cache = PolicyCache(store: store, maximumCount: 2)
            weak var first: Policy?
            do {
                let policy = try cache.policy(hashes[0])
                first = policy
                #expect(try cache.policy(hashes[0]) === policy)
            }
            _ = try cache.policy(hashes[1])
            #expect(first != nil)
            _ = try cache.policy(hashes[2])
            #expect(first == nil)
            #expect(try cache.policy(hashes[0]).contentHash == hashes[0])
        }
    }

    @Test("are never loaded a second time while a session holds them") func held() async throws {
        try await run(4) { store, hashes in
            let cache = PolicyCache(store: store, maximumCount: 1)
            let held = try cache.policy(hashes[0])
            for hash in hashes.dropFirst() { _ = try cache.policy(hash) }
            #expect(try cache.policy(hashes[0]) === held)
        }
    }

    @Test("take no more memory than they may, but for the one in use") func bytes() async throws {
        try await run(3) { store, hashes in
            let size = try Policy(source: Self.source(0)).compiled.count
            let cache = PolicyCache(store: store, maximumBytes: size + size / 2)
            weak var first: Policy?
            do { first = try cache.policy(hashes[0]) }
            #expect(first != nil)
            _ = try cache.policy(hashes[1])
            #expect(first == nil)
            let small = PolicyCache(store: store, maximumBytes: 1)
            weak var large: Policy?
            do { large = try small.policy(hashes[2]) }
            #expect(large != nil)
        }
    }
}
