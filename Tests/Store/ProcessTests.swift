import Appraisal
import Foundation
import SystemPackage
import Testing

@testable import Store

@Suite("Several processes share a store") struct ProcessTests {
    @Test("a killed writer loses no commit that it acknowledged, and tears none") func killed() async throws {
        try await TemporaryStore.inFolder { folder in
            let agents = 12
            let store = try Store(path: folder.path)
            for agent in 0..<agents { try await store.enrol(Samples.agent("agent-\(agent)")) }
            store.close()
            var acknowledged = [UInt64](repeating: 0, count: agents)
            for round in 0..<200 {
                let delay = UInt32.random(in: 0...40_000)
                let lines = try WriterProcess.kill(
                    [folder.path.string, "commit", "\(agents)"], afterFirstLineAnd: delay)
                for line in lines {
                    let numbers = line.split(separator: " ").compactMap { UInt64($0) }
                    try #require(numbers.count == 2)
                    acknowledged[Int(numbers[0])] = numbers[1]
                }
                try folder.check()
                let store = try Store(path: folder.path)
                defer { store.close() }
                for agent in 0..<agents {
                    let comment: Comment = "agent \(agent), round \(round), killed after \(delay) us"
                    let snapshot = try store.snapshot(of: AgentID("agent-\(agent)"))
                    let number = snapshot.verdict?.number ?? 0
                    #expect(number >= acknowledged[agent], comment)
                    guard number > 0 else { continue }
                    let id = try AgentID("agent-\(agent)")
                    #expect(try store.history(of: id).last?.verdict.number == number, comment)
                    #expect(try store.events(of: id).contains { $0.time == Int64(number) }, comment)
                    // Every part of a commit carries its verdict's number.
                    #expect(snapshot.state?.verdictNumber == number, comment)
                    #expect(snapshot.appraisal?.nextRecord == number, comment)
                    #expect(snapshot.appraisal?.findings.kept.map(\.record) == [number], comment)
                    #expect(
                        snapshot.appraisal?.keyrings.keyrings.values.flatMap { $0 }.map(\.record) == [number], comment)
                }
            }
            #expect(acknowledged.allSatisfy { $0 > 0 })
            try folder.check()
        }
    }

    @Test("what another process writes is seen, and a map that it has grown is taken over") func grown() async throws {
        try await TemporaryStore.run(size: .init(initial: 1 << 20)) { store in
            let generation = try store.readGeneration()
            let count = 8 << 20
            try WriterProcess.run([store.path.string, "policy", "\(count)"])
            #expect(try store.readGeneration() == generation + 1)
            let name = try #require(try store.policy(named: "large"))
            #expect(try store.policySource(name.contentHash)?.count == count)
            #expect(store.environment.currentMapSize > count)
            #expect(try await store.attest("host") == .committed(verdict: 1))
        }
    }

    @Test("a writer whose map another process has grown takes it over, too") func grownBeforeWrite() async throws {
        try await TemporaryStore.run(size: .init(initial: 1 << 20)) { store in
            try await store.enrol(Samples.agent("host"))
            try WriterProcess.run([store.path.string, "policy", "\(8 << 20)"])
            try await store.enrol(Samples.agent("other"))
            #expect(try store.agents().count == 2)
        }
    }

    @Test("what a reader held that was killed is found, and its pages are used again") func staleReader() async throws {
        try await TemporaryStore.run { store in
            for number in 0..<300 { try await store.enrol(Samples.agent("agent-\(number)")) }
            var stale = 0
            // It reads all the time, and is killed in the middle of it, sooner or later.
            for _ in 0..<100 where stale == 0 {
                let reader = try WriterProcess([store.path.string, "read"])
                _ = reader.readLine()
                try await Task.sleep(for: .milliseconds(5))
                reader.kill()
                stale = store.removeStaleReaders()
            }
            #expect(stale == 1)
            #expect(store.removeStaleReaders() == 0)
            // The file doesn't grow with every commit, as it would while somebody still needed the old pages.
            for _ in 0..<20 { try await store.attest("host") }
            let size = try store.room().fileBytes
            for _ in 0..<100 { try await store.attest("host") }
            #expect(try store.room().fileBytes < size + 20 * 4096)
        }
    }

    @Test("a server in another process is named; when it is killed the store is free") func claimed() async throws {
        try await TemporaryStore.run { store in
            let other = try WriterProcess([store.path.string, "claim"])
            #expect(other.readLine() == "claimed")
            let error = #expect(throws: StoreError.self) { try store.claimServer() }
            #expect(error?.code == .serverRunning)
            #expect(error?.detail == "a server (process \(other.processID)) owns this store")
            // A command line writes all the same.
            try await store.enrol(Samples.agent("host"))
            other.kill()
            _ = try store.claimServer()
        }
    }
}
