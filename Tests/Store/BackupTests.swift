import Appraisal
import Foundation
import SystemPackage
import Testing

@testable import Store

@Suite("A backup, and the way back") struct BackupTests {
    @Test("is one moment of a store that is being written, and reads as such") func whileWriting() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            for agent in 0..<8 { try await store.enrol(Samples.agent("agent-\(agent)")) }
            store.close()
            let writer = try WriterProcess([folder.path.string, "commit", "8"])
            _ = writer.readLine()
            for number in 0..<5 {
                let backup = folder.path.removingLastComponent().appending("backup-\(number)")
                try Backup.write(folder.path, to: backup)
                let other = TemporaryStore(path: folder.path.removingLastComponent().appending("other-\(number)"))
                let check = try Backup.restore(other.path, from: backup)
                #expect(check.agents == 8 && check.problems.isEmpty)
                try other.check()
                let copy = try Store(path: other.path)
                defer { copy.close() }
                for agent in 0..<8 {
                    let snapshot = try copy.snapshot(of: AgentID("agent-\(agent)"))
                    #expect(snapshot.state?.verdictNumber == snapshot.verdict?.number)
                }
            }
            writer.kill()
            try folder.check()
        }
    }

    @Test("takes the place of a store that is not in use, which is kept beside it") func restore() async throws {
        try await TemporaryStore.inFolder { folder in
            let backup = folder.path.removingLastComponent().appending("backup")
            var store = try Store(path: folder.path)
            try await store.attest("old", keyrings: Samples.keyrings([".ima": [1]]))
            store.close()
            try Backup.write(folder.path, to: backup)
            #expect(code { try Backup.write(folder.path, to: backup) } == .alreadyExists)

            store = try Store(path: folder.path)
            try await store.attest("new")
            store.close()
            let check = try Backup.restore(folder.path, from: backup)
            #expect(check.agents == 1)
            store = try Store(path: folder.path)
            #expect(try store.agents().map { try $0.get().id.description } == ["old"])
            #expect(try store.keyrings(of: AgentID("old")) == Samples.keyrings([".ima": [1]]))
            #expect(try await store.attest("old") == .committed(verdict: 2))
            store.close()
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path.string).sorted()
            #expect(names == ["data.mdb", "data.mdb.replaced", "lock.mdb", "server.lock"])
        }
    }

    @Test("is not restored while a server, or any process, uses the store") func inUse() async throws {
        try await TemporaryStore.inFolder { folder in
            let backup = folder.path.removingLastComponent().appending("backup")
            let store = try Store(path: folder.path)
            try await store.attest("host")
            store.close()
            try Backup.write(folder.path, to: backup)
            for (mode, expected) in [("claim", StoreError.Code.serverRunning), ("hold", .busy)] {
                let other = try WriterProcess([folder.path.string, mode])
                #expect(other.readLine() == (mode == "claim" ? "claimed" : "held"))
                #expect(code { try Backup.restore(folder.path, from: backup) } == expected)
                other.kill()
            }
            _ = try Backup.restore(folder.path, from: backup)
            try folder.check()
        }
    }

    @Test("that is no store, is cut short, or is damaged is refused, and the store stays") func unusable() async throws
    {
        try await TemporaryStore.inFolder { folder in
            let backup = folder.path.removingLastComponent().appending("backup")
            let store = try Store(path: folder.path)
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]))
            store.close()
            try Backup.write(folder.path, to: backup)
            let bytes = try Data(contentsOf: URL(filePath: backup.string))
            let file = URL(filePath: folder.path.appending("data.mdb").string)
            let before = try Data(contentsOf: file)
            let unusable: [(Data, StoreError.Code)] = [
                (Data(), .notABackup), (Data("letters".utf8), .notABackup),
                (Data(repeating: 7, count: 40_000), .notABackup),
                (bytes.prefix(bytes.count - 4096), .damaged), (bytes.prefix(8192), .damaged),
            ]
            for (content, expected) in unusable {
                try content.write(to: URL(filePath: backup.string))
                #expect(code { try Backup.restore(folder.path, from: backup) } == expected, "\(content.count) bytes")
                #expect(try Data(contentsOf: file) == before)
            }
            // One byte of a certificate in a value: only reading everything finds it.
            var damaged = bytes
            let needle = Data("certificate 1".utf8)
            let range = try #require(damaged.range(of: needle))
            damaged[range.lowerBound] ^= 0xff
            try damaged.write(to: URL(filePath: backup.string))
            #expect(code { try Backup.restore(folder.path, from: backup) } != nil)
            #expect(try Data(contentsOf: file) == before)
            #expect(code { try Backup.restore(folder.path, from: "/nowhere/backup") } == .wrongPath)
            try folder.check()
        }
    }
}

/// The code of the store's error that a body throws; nil if it throws none.
func code(_ body: () throws -> some Any) -> StoreError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? StoreError)?.code
    }
}
