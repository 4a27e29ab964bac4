import AssayCrypto
import Testing

@testable import Store

@Suite("The end of a policy, and a store's health") struct PolicyDeletionTests {
    private func put(_ name: String, _ text: String, _ store: Store) async throws -> Digest {
        try await store.putPolicy(name, source: Array(text.utf8), compiled: Array("c\(text)".utf8), at: 1)
    }

    @Test("A policy that judges agents stays, and the refusal says whom it judges")
    func refused() async throws {
        try await TemporaryStore.run { store in
            let hash = try await put("web", "1", store)
            for number in 1...12 {
                try await store.enrol(Samples.agent("host-\(100 + number)", policy: number == 5 ? nil : "web"))
            }
            let error = await storeError { try await store.deletePolicy("web") }
            #expect(error?.code == .inUse)
            #expect(error?.detail.hasPrefix("the policy web judges 11 agents: host-101, host-102") == true)
            #expect(error?.detail.contains("host-105") == false)
            #expect(error?.detail.hasSuffix("and 1 more") == true)
            #expect(try store.policySource(hash) != nil)
            #expect(try store.agents(judgedBy: "web").count == 11)
            #expect(try store.policyAssignments() == ["web": 11])
        }
    }

    @Test("A policy goes with its last name, and not before")
    func deleted() async throws {
        try await TemporaryStore.run { store in
            let hash = try await put("a", "same", store)
            #expect(try await put("b", "same", store) == hash)
            let generation = try store.readGeneration()
            try await store.deletePolicy("a")
            #expect(try store.readGeneration() == generation + 1)
            #expect(try store.policy(named: "a") == nil && store.policySource(hash) != nil)
            try await store.deletePolicy("b")
            #expect(try store.policySource(hash) == nil && store.compiledPolicy(hash) == nil)
        }
    }

    @Test("A name that isn't there is an error")
    func missing() async throws {
        try await TemporaryStore.run { store in
            #expect(await storeError { try await store.deletePolicy("a") }?.code == .notFound)
            #expect(await storeError { _ = try store.agents(judgedBy: "a") }?.code == .notFound)
            #expect(await storeError { try await store.deletePolicy("a\n") }?.code == .invalidArgument)
        }
    }

    @Test("A check whether the store takes a write is a transaction that changes nothing")
    func writable() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            let generation = try store.readGeneration()
            try await store.checkWritable()
            #expect(store.statistics.transactions == 1)
            #expect(try store.readGeneration() == generation)
            store.close()
            #expect(await storeError { try await store.checkWritable() }?.code == .closed)
            let reader = try Store(path: folder.path, mode: .readOnly)
            #expect(await storeError { try await reader.checkWritable() }?.code == .readOnly)
            reader.close()
        }
    }
}
