import Appraisal
import Foundation
import SystemPackage
import TPM
import TestSupport
import Testing

@testable import Store

@Suite("A store moves between versions, both ways") struct MigrationTests {
    private static let ids = (0..<5).map { "host-\($0)" }

    /// A store of the current version with agents, keys, findings, a policy and a denied key.
    private func withStore(_ body: (TemporaryStore) async throws -> Void) async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            try await store.putPolicy("base", source: [1, 2], compiled: [3], at: 0)
            for id in Self.ids {
                try await store.enrol(Samples.agent(id, policy: "base"))
                for _ in 1...3 {
                    try await store.attest(
                        id, keyrings: Samples.keyrings([".ima": [1, 2], ".evm": [3]]), findings: Samples.findings(2))
                }
            }
            try await store.deny(Samples.key(9).fingerprint, at: 4)
            store.close()
            try await body(folder)
        }
    }

    @Test("down: no key is left, positions are record 0, and the rest stays; up: the same, and all works") func both()
        async throws
    {
        try await withStore { folder in
            let down = try Migration.run(folder.path, to: 1)
            #expect(down == .init(from: 2, to: 1, restarted: 5))
            try folder.check()
            let info = try StoreInfo(folder.path)
            #expect(info.version == 1)
            #expect(!info.databases.map(\.name).contains("keyrings"))
            #expect(code { try Store(path: folder.path) } == .olderSchema(1))

            let up = try Migration.run(folder.path, to: 2)
            #expect(up == .init(from: 1, to: 2, restarted: 5))
            let store = try Store(path: folder.path)
            defer { store.close() }
            for id in Self.ids {
                let snapshot = try store.snapshot(of: AgentID(id))
                #expect(snapshot.agent.policyName == "base")
                #expect(snapshot.appraisal?.keyrings.isEmpty == true)
                #expect(snapshot.state?.nextRecord == 0 && snapshot.state?.recordsReceived == 0)
                #expect(snapshot.state?.lanes == [] && snapshot.appraisal?.findings == Findings())
                // The clock of the epoch must not go back.
                #expect(snapshot.state?.clockInfo.resetCount == 7)
                #expect(snapshot.verdict?.number == 3)
                #expect(try store.verdict(of: AgentID(id))?.findings == Samples.findings(2))
                #expect(try store.history(of: AgentID(id)).count == 3)
                #expect(try store.keyHistory(of: AgentID(id)).isEmpty)
                #expect(try await store.attest(id, keyrings: Samples.keyrings([".ima": [1]])) == .committed(verdict: 4))
            }
            #expect(try store.deniedKeys().map(\.keyHash) == [Samples.key(9).fingerprint])
            let source: [UInt8]? = try store.policy(named: "base").flatMap { try store.policySource($0.contentHash) }
            #expect(source == [1, 2])
            #expect(
                try store.events().last?.kind == .keyDenied(Samples.key(9).fingerprint)
                    || store.events().last?.kind == .schemaChanged(from: 1, to: 2))
        }
    }

    @Test("to the version that it has nothing changes") func same() async throws {
        try await withStore { folder in
            let file = URL(filePath: folder.path.appending("data.mdb").string)
            let before = try Data(contentsOf: file)
            #expect(try Migration.run(folder.path, to: 2) == .init(from: 2, to: 2, restarted: 0))
            #expect(try Data(contentsOf: file) == before)
        }
    }

    @Test("the version 1 store among the fixtures is refused, upgraded, used and taken back") func fixture()
        async throws
    {
        try await TemporaryStore.inFolder { folder in
            try FileManager.default.createDirectory(atPath: folder.path.string, withIntermediateDirectories: false)
            let file = folder.path.appending("data.mdb").string
            try Data(try Fixtures.unpacked("generated/store/version-1.mdb.xz")).write(to: URL(filePath: file))
            try folder.check()
            #expect(code { try Store(path: folder.path) } == .olderSchema(1))
            #expect(try Migration.run(folder.path, to: 2) == .init(from: 1, to: 2, restarted: 2))
            try folder.check()
            let store = try Store(path: folder.path)
            let ids = try store.agents().map { try $0.get().id.description }
            #expect(ids == ["db-1", "web-1", "web-2"])
            let web = try store.snapshot(of: AgentID("web-1"))
            #expect(web.state?.nextRecord == 0 && web.state?.clockInfo.resetCount == 7)
            #expect(web.verdict?.number == 2 && web.verdict?.tier == .contraindicated)
            #expect(try store.verdict(of: AgentID("web-1"))?.findings == Samples.findings(3))
            #expect(try store.snapshot(of: AgentID("db-1")).state == nil)
            #expect(try store.policy(named: "base") != nil)
            #expect(
                try await store.attest("web-1", keyrings: Samples.keyrings([".ima": [1]])) == .committed(verdict: 3))
            store.close()
            #expect(try Migration.run(folder.path, to: 1) == .init(from: 2, to: 1, restarted: 2))
            try folder.check()
        }
    }

    @Test("the fixture is what this code calls version 1") func fixtureIsOurs() async throws {
        try await TemporaryStore.inFolder { folder in
            try await Version1.make(folder.path)
            let made = try StoreInfo(folder.path)
            try Data(try Fixtures.unpacked("generated/store/version-1.mdb.xz"))
                .write(to: URL(filePath: folder.path.appending("data.mdb").string))
            let fixture = try StoreInfo(folder.path)
            #expect(made.version == 1 && fixture.version == 1)
            #expect(made.databases.map(\.name) == fixture.databases.map(\.name))
            #expect(made.databases.map(\.entries) == fixture.databases.map(\.entries))
        }
    }

    @Test("a version that this code doesn't know, a newer store, and one with a server are refused, unchanged")
    func refused() async throws {
        try await withStore { folder in
            for version: UInt32 in [0, 3, .max] {
                #expect(code { try Migration.run(folder.path, to: version) } == .invalidArgument)
            }
            let file = URL(filePath: folder.path.appending("data.mdb").string)
            do {
                let store = try Store(path: folder.path)
                defer { store.close() }
                let claim = try store.claimServer()
                #expect(code { try Migration.run(folder.path, to: 1) } == .serverRunning)
                withExtendedLifetime(claim) {}
            }
            try folder.setVersion(7)
            let before = try Data(contentsOf: file)
            #expect(code { try Migration.run(folder.path, to: 1) } == .newerSchema(7))
            #expect(code { try StoreCheck(folder.path) } == .newerSchema(7))
            #expect(try StoreInfo(folder.path).version == 7)
            #expect(try Data(contentsOf: file) == before)
            #expect(code { try Migration.run(folder.path.appending("none"), to: 1) } == .noStore)
        }
    }

    @Test("killed at any moment it is what it was, or what it was to become") func killed() async throws {
        try await withStore { folder in
            var versions: [UInt32] = []
            for _ in 0..<60 {
                // Microseconds; more where a move takes longer than that, as under AddressSanitizer.
                let delay = UInt32.random(in: 0...(versions.count < 20 || Set(versions).count > 1 ? 4_000 : 200_000))
                _ = try WriterProcess.kill([folder.path.string, "migrate"], afterFirstLineAnd: delay)
                try folder.check()
                versions.append(try StoreInfo(folder.path).version)
            }
            #expect(Set(versions) == [1, 2])
            _ = try Migration.run(folder.path, to: 2)
            let store = try Store(path: folder.path)
            defer { store.close() }
            for id in Self.ids { #expect(try store.snapshot(of: AgentID(id)).verdict?.number == 3) }
        }
    }

    @Test("on a disk that fills up it changes nothing") func diskFull() async throws {
        try await withStore { folder in
            let file = URL(filePath: folder.path.appending("data.mdb").string)
            let before = try Data(contentsOf: file)
            // Only the two meta pages may be written.
            let lines = try WriterProcess.lines([folder.path.string, "migrate-limited", "8192"])
            #expect(lines == ["diskFull"])
            #expect(try Data(contentsOf: file) == before)
            try folder.check()
            #expect(try StoreInfo(folder.path).version == 2)
            let store = try Store(path: folder.path)
            defer { store.close() }
            #expect(try store.keyrings(of: AgentID("host-1")).keyrings.count == 2)
        }
    }
}
