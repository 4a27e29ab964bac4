import Appraisal
import Testing

@testable import Store

@Suite("What time asks of a store, by rule") struct UpkeepTests {
    /// When the samples' verdicts were given.
    private static let given: Int64 = 1_800_000_005

    @Test("a silent agent's old verdicts are forgotten, too, but for the last one") func ageing() async throws {
        try await TemporaryStore.run { store in
            for _ in 1...40 { try await store.attest("old", findings: Samples.findings(1)) }
            try await store.attest("single")
            try await store.enrol(Samples.agent("never"))
            let id = try AgentID("old")
            let age = HistoryBounds().age
            #expect(try await store.ageHistories(at: Self.given + age) == 0)
            #expect(try store.history(of: id).count == 40)
            #expect(try await store.ageHistories(at: Self.given + age + 1) == 1)
            #expect(try store.history(of: id).map(\.verdict.number) == [40])
            #expect(try store.history(of: AgentID("single")).count == 1)
            #expect(try store.verdict(of: id)?.findings == Samples.findings(1))
            #expect(try await store.ageHistories(at: Self.given + age + 1) == 0)
            #expect(try await store.attest("old") == .committed(verdict: 41))
        }
    }

    @Test("silent agents are removed with an event; revoked ones and those with a newer verdict or enrolment stay")
    func removal() async throws {
        try await TemporaryStore.run { store in
            // Samples are enrolled at 1_700_000_000 and attest at 1_800_000_000.
            try await store.enrol(Samples.agent("never"))
            try await store.attest("attested")
            try await store.enrol(Samples.agent("revoked"))
            try await store.setRevocation(of: AgentID("revoked"), at: 1)
            let generation = try store.readGeneration()
            #expect(try await store.removeAgents(silentSince: 1_700_000_000, at: 9) == [])
            #expect(try await store.removeAgents(silentSince: 1_750_000_000, at: 9) == [AgentID("never")])
            #expect(try store.readGeneration() > generation)
            let event = try #require(try store.events().last)
            #expect(event.kind == .removed(agent: Array("never".utf8), byRule: true) && event.time == 9)
            #expect(try await store.removeAgents(silentSince: 1_800_000_000, at: 9) == [])
            #expect(try await store.removeAgents(silentSince: 1_800_000_001, at: 9) == [AgentID("attested")])
            #expect(try store.agents().map { try $0.get().id.description } == ["revoked"])
        }
    }

    @Test("a clock that is wrong costs a tenth of the agents at most, at once; and every agent's turn comes")
    func bound() async throws {
        try await TemporaryStore.run { store in
            let ids = (0..<1100).map { "agent-\($0)" }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ids { group.addTask { try await store.enrol(Samples.agent(id)) } }
                try await group.waitForAll()
            }
            #expect(try await store.removeAgents(silentSince: .max, at: 9).count == 110)
            #expect(try await store.removeAgents(silentSince: .max, at: 9).count == 99)
            let left: Int = try store.agents(limit: 2000).count
            #expect(left == 891)
        }
    }

    @Test("room: what is in use, of how much, and a warning before there is none") func room() async throws {
        try await TemporaryStore.run(size: .init(initial: 1 << 20, ceiling: 1 << 20)) { store in
            let empty = try store.room()
            #expect(empty.limitBytes == 1 << 20 && empty.usedBytes < 200_000 && empty.diskBytes ?? 0 > 0)
            #expect(store.roomWarning() == nil)
            try await store.putPolicy("large", source: [UInt8](repeating: 1, count: 850_000), compiled: [], at: 0)
            #expect(try store.room().usedBytes > empty.usedBytes + 850_000)
            #expect(store.roomWarning()?.contains("storage.limit") == true)
            try await store.deletePolicy("large")
            #expect(try store.room().usedBytes < empty.usedBytes + 50_000)
            #expect(try store.room().fileBytes > 850_000)
            #expect(store.roomWarning() == nil)
        }
    }
}
