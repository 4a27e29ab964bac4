import Appraisal
import AssayCrypto
import Bytes
import Testing

@testable import Store

@Suite("A damaged value is one agent's matter") struct DamageTests {
    private static let ids = ["alpha", "beta", "beta-2", "gamma"]

    @Test(
        "it is an error that names agent and database, and other agents go on",
        arguments: ["agents", "states", "keyrings", "verdicts", "findings", "history", "key-history", "events"])
    func damage(database name: String) async throws {
        try await withDamage(in: name) { store, damaged in
            let error = #expect(throws: StoreError.self) {
                _ = try store.snapshot(of: damaged)
                _ = try store.verdict(of: damaged)
                _ = try store.history(of: damaged)
                _ = try store.events(of: damaged)
            }
            #expect(error?.code == .damaged)
            #expect(error?.place.agent == damaged.bytes)
            #expect(error?.place.database == name)
            for id in Self.ids where id != "beta" {
                #expect(try store.snapshot(of: AgentID(id)).appraisal != nil)
                #expect(try await store.attest(id) == .committed(verdict: 2))
            }
            let problems = try store.check().problems
            #expect(problems.map(\.place).contains(.init(database: name, agent: damaged.bytes)))
            #expect(problems.allSatisfy { $0.place.agent == damaged.bytes })
            // The listing shows the others, and the error in its place.
            let page = try store.agents()
            #expect(page.count == Self.ids.count)
            #expect(try page[0].get().id.description == "alpha")
            if case .failure(let error) = page[1] { #expect(error.place.agent == damaged.bytes) }
            #expect(try page[3].get().id.description == "gamma")
        }
    }

    @Test("its commit fails beside others that succeed") func commitBesideDamage() async throws {
        try await withDamage(in: "verdicts") { store, damaged in
            let basis = Outcome.Basis(
                attestationKeyName: Array("name of beta".utf8), policyHash: nil, denyGeneration: 0, verdictNumber: 1,
                stateNumber: 1, keyrings: KeyringModel())
            let outcome = Outcome(
                agent: damaged, basis: basis, quote: Samples.quote(), appraisal: nil, tier: .affirming,
                appraisedRecords: 0, excessRecords: 0, findings: Findings(), challengedAt: 0, givenAt: 0)
            async let bad = storeError { _ = try await store.commit(outcome) }
            async let good = store.attest("alpha")
            let result = try await good
            #expect(result == .committed(verdict: 2))
            #expect(await bad?.code == .damaged)
        }
    }

    @Test(
        "discarding the state, or enrolling again, mends it",
        arguments: ["agents", "states", "keyrings", "verdicts", "findings"])
    func mend(database: String) async throws {
        try await withDamage(in: database) { store, damaged in
            if database == "agents" {
                await #expect(throws: StoreError.self) { try await store.discardState(of: damaged) }
                try await store.enrol(Samples.agent("beta"), replacing: true)
            } else {
                try await store.discardState(of: damaged)
            }
            let snapshot = try store.snapshot(of: damaged)
            #expect(snapshot.appraisal == nil)
            #expect((snapshot.verdict != nil) == ["states", "keyrings", "findings"].contains(database))
            guard case .committed = try await store.attest("beta") else {
                Issue.record("no commit after mending")
                return
            }
        }
    }

    @Test("a policy whose bytes changed is refused") func policy() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            defer { store.close() }
            let hash = try await store.putPolicy("base", source: [1, 2, 3], compiled: [4], at: 0)
            let database = store.schema.policies
            var bytes = StoredPolicy([1, 2, 3]).stored
            bytes[bytes.count - 1] ^= 1
            let damaged = bytes
            try await store.writer.perform { (_, changes) throws(StoreError) in
                changes.put(hash.bytes, damaged, in: database)
            }
            let error = #expect(throws: StoreError.self) { try store.policySource(hash) }
            #expect(error?.code == .damaged)
            #expect(error?.place.database == "policies")
            #expect(try store.compiledPolicy(hash) == [4])
        }
    }

    /// A store of four agents, one of whose values is cut short.
    private func withDamage(in name: String, _ body: (Store, AgentID) async throws -> Void) async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            defer { store.close() }
            for id in Self.ids {
                try await store.attest(id, keyrings: Samples.keyrings([".ima": [1, 2]]), findings: Samples.findings(1))
            }
            let damaged = try AgentID("beta")
            let schema = store.schema
            let databases = schema.ofOneAgent
            let database = try #require(databases.first { $0.name == name })
            try await store.writer.perform { (transaction, changes) throws(StoreError) in
                var entries: [([UInt8], [UInt8])] = []
                try transaction.scan(database, prefix: damaged.key) { (key, value) throws(StoreError) in
                    entries.append((.init(copying: key), .init(copying: value)))
                    return true
                }
                for (key, value) in entries { changes.put(key, value.dropLast(), in: database) }
            }
            try await body(store, damaged)
        }
    }
}
