import Appraisal
import AssayCrypto
import Testing

@testable import Store

@Suite("A denied key concerns the agents that have it") struct DenyingTests {
    private static let key = Samples.key(1).fingerprint

    private func withTwoAgents(_ body: (Store, AgentID, AgentID) async throws -> Void) async throws {
        try await TemporaryStore.run { store in
            try await store.attest("has", keyrings: Samples.keyrings([".ima": [1, 2]]))
            try await store.attest("hasn't", keyrings: Samples.keyrings([".ima": [2]]))
            try await body(store, AgentID("has"), AgentID("hasn't"))
        }
    }

    @Test("their state is stale and their verdict marked at once; the others' are not") func denied() async throws {
        try await withTwoAgents { store, has, hasNot in
            try await store.deny(Self.key, at: 5)
            #expect(try !store.snapshot(of: has).isStateCurrent)
            #expect(try store.snapshot(of: has).summary.deniedKeys == [Self.key])
            #expect(try store.snapshot(of: hasNot).isStateCurrent)
            #expect(try store.snapshot(of: hasNot).summary.deniedKeys.isEmpty)
            #expect(try store.agents().map { try $0.get().deniedKeys } == [[Self.key], []])
        }
    }

    @Test("appraised again under the deny, they are current; allowed, they are stale once more") func again()
        async throws
    {
        try await withTwoAgents { store, has, hasNot in
            try await store.deny(Self.key, at: 5)
            try await store.attest("has", keyrings: Samples.keyrings([".ima": [1, 2]]))
            #expect(try store.snapshot(of: has).isStateCurrent)
            #expect(try store.snapshot(of: has).summary.deniedKeys.isEmpty)
            try await store.allow(Self.key, at: 6)
            #expect(try !store.snapshot(of: has).isStateCurrent)
            #expect(try store.snapshot(of: has).summary.deniedKeys.isEmpty)
            #expect(try store.snapshot(of: hasNot).isStateCurrent)
            #expect(try store.deniedKeys().isEmpty)
            try await store.attest("has", keyrings: Samples.keyrings([".ima": [1, 2]]))
            #expect(try store.snapshot(of: has).isStateCurrent)
        }
    }

    @Test("denied twice is denied once, and allowed twice is refused") func twice() async throws {
        try await withTwoAgents { store, has, _ in
            try await store.deny(Self.key, at: 5)
            try await store.attest("has", keyrings: Samples.keyrings([".ima": [1]]))
            try await store.deny(Self.key, at: 6)
            #expect(try store.snapshot(of: has).isStateCurrent)
            #expect(try store.deniedKeys().map(\.changedAt) == [5])
            try await store.allow(Self.key, at: 7)
            let error = await #expect(throws: StoreError.self) { try await store.allow(Self.key, at: 8) }
            #expect(error?.code == .notDenied && error?.remedy.contains("keyrings denied") == true)
            try await store.deny(Self.key, at: 9)
            #expect(try store.deniedKeys().map(\.changedAt) == [9])
            #expect(try !store.snapshot(of: has).isStateCurrent)
        }
    }

    @Test("a key that the policy itself brings concerns the agents of that policy") func policyKey() async throws {
        try await TemporaryStore.run { store in
            let spki = try TestKeys.spki(compressed: false)
            let policy = try Policy(source: TestKeys.policy(verifying: spki))
            let key = try PublicKey(subjectPublicKeyInfo: spki).fingerprint
            try await store.putPolicy(
                "signed", source: TestKeys.policy(verifying: spki), compiled: policy.compiled, at: 0)
            for id in ["a", "b"] { try await store.enrol(Samples.agent(id, policy: id == "a" ? "signed" : nil)) }
            for id in ["a", "b"] { try await store.attest(id) }
            try await store.deny(key, at: 1)
            #expect(try !store.snapshot(of: AgentID("a")).isStateCurrent)
            #expect(try store.snapshot(of: AgentID("b")).isStateCurrent)
        }
    }

    @Test("a deny of an older release, which tells no generation, is taken to concern whoever has the key")
    func olderLayout() async throws {
        try await withTwoAgents { store, has, hasNot in
            try await store.deny(Self.key, at: 5)
            let database = store.schema.deniedKeys
            let old: [UInt8] = [1, 32] + Self.key.bytes + [0, 0, 0, 0, 0, 0, 0, 5]
            try await store.writer.perform { (_, changes) throws(StoreError) in
                changes.put(Self.key.bytes, old, in: database)
            }
            #expect(try store.deniedKeys() == [DeniedKey(keyHash: Self.key, changedAt: 5, generation: nil)])
            #expect(try !store.snapshot(of: has).isStateCurrent)
            #expect(try store.snapshot(of: hasNot).isStateCurrent)
            try await store.attest("has", keyrings: Samples.keyrings([".ima": [1]]))
            #expect(try store.snapshot(of: has).isStateCurrent)
        }
    }

    @Test("a key is found by its own hash, its certificate's, or that of another way to write it") func names()
        async throws
    {
        try await TemporaryStore.run { store in
            let compressed = try TestKeys.spki(compressed: true)
            let usual = try TestKeys.spki(compressed: false)
            let key = try PublicKey(subjectPublicKeyInfo: compressed)
            #expect(key.fingerprint == PCRBank.sha256.digest(of: usual))
            #expect(key.fingerprint != PCRBank.sha256.digest(of: compressed))
            let certificate = PCRBank.sha256.digest(of: [1, 2, 3])
            let learned = LearnedKey(
                keyID: key.keyID, certificateFingerprint: certificate, fingerprint: key.fingerprint, subject: nil,
                record: 1, firstSeen: 1, material: KeyMaterial(der: compressed, publicKey: key))
            try await store.attest(
                "host", keyrings: KeyringModel(keyrings: [Array(".ima".utf8): [learned]], unusable: []))
            for hash in [key.fingerprint, certificate, PCRBank.sha256.digest(of: compressed)] {
                #expect(try store.keyHash(for: hash) == key.fingerprint)
            }
            #expect(try store.keyHash(for: Digest(repeating: 3, count: 32)) == nil)
            // Also when it is gone from the model.
            try await store.attest("host")
            #expect(try store.keyHash(for: certificate) == key.fingerprint)
        }
    }
}
