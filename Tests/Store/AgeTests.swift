import Appraisal
import AssayCrypto
import Testing

@testable import Store

@Suite("How old something is") struct AgeTests {
    @Test("is told in seconds, up to a minute ahead of now, and isn't known beyond that")
    func age() {
        #expect(Age(of: 1_000, at: 1_600) == .seconds(600))
        #expect(Age(of: 1_000, at: 1_000) == .seconds(0) && Age(of: 1_000, at: 940) == .seconds(0))
        #expect(Age(of: 1_000, at: 939) == .inTheFuture)
        // At the ends of what 64 bits hold.
        #expect(Age(of: .max, at: .min) == .inTheFuture && Age(of: .min, at: .max) == .seconds(.max))
        #expect(Age(of: .max, at: 0) == .inTheFuture && Age(of: .min, at: 0) == .seconds(.max))
    }

    @Test("is within a span that it doesn't exceed; what is in the future is within none")
    func within() {
        #expect(Age.seconds(600).isWithin(600) && !Age.seconds(601).isWithin(600))
        #expect(!Age.inTheFuture.isWithin(.max))
    }

    @Test("decides on a trial: one begun by a clock that was ahead asks nobody")
    func trial() {
        let trial = Trial(
            number: 1, policyName: "web", contentHash: Digest(repeating: 1, count: 32), startedAt: 1_000,
            expiresAt: 1_100)
        #expect(trial.isUnderWay(at: 940) && trial.isUnderWay(at: 1_099))
        #expect(!trial.isUnderWay(at: 939) && !trial.isUnderWay(at: 1_100))
    }
}

@Suite("A verdict that is stamped later than now") struct WithdrawalTests {
    private static let stamp: Int64 = 1_800_000_000

    @Test("is withdrawn once, with an event; the next verdict stands by itself") func withdrawn() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host")
            try await store.attest("well")
            // Not one that a minute explains.
            try await store.withdrawVerdicts(of: [id], at: Self.stamp - 60)
            #expect(try store.snapshot(of: id).withdrawnAt == nil)
            for time in [Self.stamp - 7_200, Self.stamp - 3_600] {
                try await store.withdrawVerdicts(of: [id, AgentID("nobody")], at: time)
            }
            #expect(try store.snapshot(of: id).withdrawnAt == Self.stamp - 7_200)
            #expect(try store.snapshot(of: id).summary.withdrawnAt == Self.stamp - 7_200)
            #expect(try store.agents().map { try $0.get().withdrawnAt } == [Self.stamp - 7_200, nil])
            let events = try store.events(of: id).filter { $0.kind.word == .verdictWithdrawn }
            #expect(events.map(\.kind) == [.verdictWithdrawn(stamp: Self.stamp)])
            #expect(events.map(\.time) == [Self.stamp - 7_200])
            try await store.attest("host")
            #expect(try store.snapshot(of: id).withdrawnAt == nil)
            #expect(try store.agents().allSatisfy { try $0.get().withdrawnAt == nil })
        }
    }

    @Test("is no sign of life at its time: `forget_after` counts from when it was found") func silent() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host")
            let found = Self.stamp - 7_200
            // Before it was found the agent stays: nobody knows how long it has been silent.
            #expect(try await store.removeAgents(silentSince: found, at: found + 100) == [])
            try await store.withdrawVerdicts(of: [id], at: found)
            #expect(try await store.removeAgents(silentSince: found, at: found + 100) == [])
            #expect(try await store.removeAgents(silentSince: found + 1, at: found + 101) == [id])
            #expect(try store.agents().isEmpty)
        }
    }

    @Test("is withdrawn though another agent's is damaged") func besideDamage() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            let ids = [try AgentID("damaged"), try AgentID("host")]
            for id in ids { try await store.attest("\(id)") }
            store.close()
            try folder.withEnvironment { environment in
                try environment.write { (transaction) throws(StoreError) in
                    try transaction.put(ids[0].key, [1, 2, 3], in: try transaction.create("verdicts"))
                }
            }
            let again = try Store(path: folder.path)
            defer { again.close() }
            try await again.withdrawVerdicts(of: ids, at: 1_000)
            #expect(try again.snapshot(of: ids[1]).withdrawnAt == 1_000)
        }
    }

    @Test("goes with its agent") func gone() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host")
            try await store.withdrawVerdicts(of: [id], at: 1_000)
            try await store.remove(id)
            try await store.attest("host")
            #expect(try store.snapshot(of: id).withdrawnAt == nil)
        }
    }

    @Test("of a whole fleet is withdrawn in few transactions") func fleet() async throws {
        try await TemporaryStore.run { store in
            let ids = try (0..<1_200).map { try AgentID("agent-\($0)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ids { group.addTask { try await store.attest("\(id)") } }
                try await group.waitForAll()
            }
            let before = store.statistics.operations
            try await store.withdrawVerdicts(of: ids, at: 1_000)
            #expect(store.statistics.operations - before == 3)
            #expect(try store.agents(limit: 2_000).allSatisfy { try $0.get().withdrawnAt == 1_000 })
        }
    }

    @Test("is kept in a layout that refuses each of its truncations, and a byte more") func hostile() throws {
        try Hostile.refuseDamage(Withdrawal(verdict: 7, foundAt: -5))
    }
}
