import AssayCrypto
import Testing

@testable import Store

@Suite("Who is enrolled with an attestation key") struct AttestationKeyTests {
    private func agent(_ id: String, key: UInt8) throws -> Agent {
        Agent(id: try AgentID(id), attestationKeyPublic: [key], attestationKeyName: [0, 11, key], enrolledAt: 1)
    }

    private func refusal(_ store: Store, _ agent: Agent) async -> StoreError? {
        await storeError { try await store.enrol(agent) }
    }

    @Test("a second agent with it is refused, or knowingly added beside the first") func second() async throws {
        try await TemporaryStore.run { store in
            try await store.enrol(agent("a", key: 1))
            let error = await refusal(store, try agent("b", key: 1))
            #expect(error?.code == .attestationKeyTaken && error?.place.agent == Array("a".utf8))
            #expect(error?.description.contains("--replace") == true)
            #expect(try store.agents().count == 1)
            #expect(try await store.enrol(agent("b", key: 1), replacing: true) == AgentID("a"))
            #expect(try store.agents().count == 2)
            #expect(try await store.enrol(agent("b", key: 2), replacing: true) == nil)
            #expect(try await store.enrol(agent("c", key: 3)) == nil)
        }
    }

    @Test("an agent's own key is its own, and a key that nobody has any more is free") func freed() async throws {
        try await TemporaryStore.run { store in
            try await store.enrol(agent("a", key: 1))
            #expect(try await store.enrol(agent("a", key: 1), replacing: true) == nil)
            try await store.enrol(agent("a", key: 2), replacing: true)
            try await store.enrol(agent("b", key: 1))
            try await store.remove(AgentID("a"))
            try await store.enrol(agent("c", key: 2))
            #expect(await refusal(store, try agent("d", key: 1))?.code == .attestationKeyTaken)
        }
    }

    @Test("a damaged agent that is removed frees its key, too") func damaged() async throws {
        try await TemporaryStore.run { store in
            try await store.enrol(agent("a", key: 1))
            let id = try AgentID("a")
            let schema = store.schema
            try await store.writer.perform { (_, changes) throws(StoreError) in
                changes.put(id.key, [1, 2], in: schema.agents)
            }
            try await store.enrol(agent("b", key: 2))
            try await store.remove(id)
            try await store.enrol(agent("c", key: 1))
        }
    }

    /// What another release leaves behind that knows nothing of the index.
    enum Former: CaseIterable {
        /// Its store has no index.
        case lacksIt
        /// It has enrolled and removed agents since.
        case passedItBy
    }

    @Test(
        "a store of the last release has no index, or an old one: it is asked right, and made anew",
        arguments: Former.allCases)
    func lastRelease(former: Former) async throws {
        try await TemporaryStore.inFolder { folder in
            var store = try Store(path: folder.path)
            for (number, id) in ["a", "b", "c"].enumerated() {
                try await store.enrol(agent(id, key: UInt8(number)))
            }
            let schema = store.schema
            if former == .passedItBy {
                let late = try agent("late", key: 9)
                let gone = try AgentID("a")
                try await store.writer.perform { (transaction, changes) throws(StoreError) in
                    changes.put(late.id.key, late.stored, in: schema.agents)
                    try schema.drop(gone, from: schema.ofOneAgent, transaction, &changes)
                    try schema.countUp(Schema.MetaKey.generation, transaction, &changes)
                }
            }
            store.close()
            if former == .lacksIt {
                try folder.withEnvironment { environment in
                    try environment.write { (transaction) throws(StoreError) in
                        if let index = try transaction.open("attestation-keys") { try transaction.drop(index) }
                        guard let meta = try transaction.open("meta") else { return }
                        try transaction.delete(Schema.MetaKey.attestationKeys, in: meta)
                    }
                }
            }
            try folder.check()
            store = try Store(path: folder.path)
            defer { store.close() }
            let (held, free): (UInt8, UInt8) = former == .lacksIt ? (0, 9) : (9, 0)
            for key in [held, 1, 2] {
                #expect(await refusal(store, try agent("new", key: key))?.code == .attestationKeyTaken)
            }
            // Whatever else changes does not make it pass for a new one.
            try await store.setRevocation(of: AgentID("b"), at: 5)
            #expect(await refusal(store, try agent("new", key: held))?.code == .attestationKeyTaken)
            try await store.enrol(agent("new", key: free))
            #expect(try store.check().problems.isEmpty)
            let count = try store.environment.read { (transaction) throws(StoreError) in
                (
                    try transaction.count(of: store.schema.attestationKeys),
                    try transaction.count(of: store.schema.agents)
                )
            }
            #expect(count.0 == count.1)
            for key in [held, free, 1, 2] {
                #expect(await refusal(store, try agent("other", key: key))?.code == .attestationKeyTaken)
            }
        }
    }

    @Test("an agent that the index doesn't find is a problem of the store") func check() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            defer { store.close() }
            let agent = try agent("a", key: 1)
            try await store.enrol(agent)
            let schema = store.schema
            try await store.writer.perform { (_, changes) throws(StoreError) in
                changes.delete(Schema.key(of: agent), in: schema.attestationKeys)
            }
            #expect(try store.check().problems.map(\.place.agent) == [agent.id.bytes])
        }
    }
}
