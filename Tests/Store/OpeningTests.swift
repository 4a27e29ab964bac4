import Bytes
import Foundation
import SystemPackage
import Testing

@testable import Store

@Suite("Opening a store") struct OpeningTests {
    @Test("makes the folder, for its owner only") func folder() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            store.close()
            #expect(try permissions(folder.path) == 0o700)
            #expect(try permissions(folder.path.appending("data.mdb")) == 0o600)
            try folder.check()
        }
    }

    @Test("for reading needs one that exists, and refuses writes") func readOnly() async throws {
        try await TemporaryStore.inFolder { folder in
            #expect(code { try Store(path: folder.path, mode: .readOnly) } == .noStore)
            try Store(path: folder.path).close()
            let store = try Store(path: folder.path, mode: .readOnly)
            #expect(try store.agents().isEmpty)
            #expect(await storeError { try await store.enrol(Samples.agent("host")) }?.code == .readOnly)
            store.close()
        }
    }

    @Test("a folder with other files is refused and left alone") func foreignFolder() async throws {
        try await TemporaryStore.inFolder { folder in
            try FileManager.default.createDirectory(atPath: folder.path.string, withIntermediateDirectories: false)
            try Data("letters".utf8).write(to: URL(filePath: folder.path.appending("mail").string))
            #expect(code { try Store(path: folder.path) } == .foreign)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path.string) == ["mail"])
        }
    }

    @Test("a file that isn't LMDB's, and an LMDB file of another program, are refused", arguments: [false, true])
    func foreignFile(isLMDB: Bool) async throws {
        try await TemporaryStore.inFolder { folder in
            try FileManager.default.createDirectory(atPath: folder.path.string, withIntermediateDirectories: false)
            let file = folder.path.appending("data.mdb")
            if isLMDB {
                try folder.withEnvironment { environment in
                    try environment.write { (transaction) throws(StoreError) in
                        try transaction.put([1], [2], in: transaction.create("another's"))
                    }
                }
            } else {
                try Data(repeating: 7, count: 10_000).write(to: URL(filePath: file.string))
            }
            let before = try Data(contentsOf: URL(filePath: file.string))
            #expect(code { try Store(path: folder.path) } == .foreign)
            #expect(code { try Store(path: folder.path, mode: .readOnly) } == .foreign)
            #expect(try Data(contentsOf: URL(filePath: file.string)) == before)
        }
    }

    @Test("another schema version is refused, and its store is untouched", arguments: [1, 3, UInt32.max])
    func otherVersion(version: UInt32) async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            try await store.attest("host")
            store.close()
            try folder.setVersion(version)
            let file = URL(filePath: folder.path.appending("data.mdb").string)
            let before = try Data(contentsOf: file)
            let expected: StoreError.Code = version > 2 ? .newerSchema(version) : .olderSchema(version)
            #expect(code { try Store(path: folder.path) } == expected)
            #expect(try Data(contentsOf: file) == before)
            try folder.setVersion(Schema.version)
            try folder.check()
        }
    }

    @Test("a second time in one process is refused; after closing it is allowed") func twice() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            #expect(code { try Store(path: folder.path) } == .alreadyOpen)
            store.close()
            let again = try Store(path: folder.path)
            // The first one's late end must not give the folder free.
            store.close()
            #expect(code { try Store(path: folder.path) } == .alreadyOpen)
            again.close()
        }
    }

    @Test("a closed store says so") func closed() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            store.close()
            #expect(code { try store.agents() } == .closed)
            await #expect(throws: StoreError.self) { try await store.enrol(Samples.agent("host")) }
        }
    }

    @Test("a second server is refused until the first is gone") func secondServer() async throws {
        try await TemporaryStore.run { store in
            do {
                let claim = try store.claimServer()
                let second = #expect(throws: StoreError.self) { try store.claimServer() }
                #expect(second?.code == .serverRunning)
                #expect(second?.detail == "a server (process \(getpid())) owns this store")
                withExtendedLifetime(claim) {}
            }
            _ = try store.claimServer()
        }
    }

    @Test("every error says where, and what to do") func message() throws {
        let error = StoreError(
            .damaged, "a damaged value", at: .init(path: "/s", database: "states", agent: [0x61, 10]))
        #expect(
            error.description
                == "store: a damaged value (/s, database states, agent a\\n); attest this agent again from record 0, or "
                + "enrol it again; other agents are not affected")
    }

    private func permissions(_ path: FilePath) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path.string)[.posixPermissions] as? Int
    }
}
