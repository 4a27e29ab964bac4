import Appraisal
import AssayCrypto
import Bytes
import TPM
import TestSupport
import Testing

@testable import Store

@Suite("What is written is read back") struct RoundTripTests {
    @Test("an agent, with and without policy and revocation") func agent() async throws {
        try await TemporaryStore.run { store in
            try await store.putPolicy("base", source: [1], compiled: [2], at: 5)
            let plain = try Samples.agent("plain")
            let full = try Samples.agent("full", policy: "base")
            try await store.enrol(plain)
            try await store.enrol(full)
            try await store.setRevocation(of: full.id, at: 77)
            #expect(try store.agent(plain.id) == plain)
            #expect(try store.agent(full.id).policyName == "base")
            #expect(try store.agent(full.id).revokedAt == 77)
            try await store.setRevocation(of: full.id, at: nil)
            #expect(try store.agent(full.id) == full)
        }
    }

    @Test("a session's state, keyrings, findings and verdict") func session() async throws {
        try await TemporaryStore.run { store in
            let agent = try Samples.agent("host")
            try await store.enrol(agent)
            let before = try store.snapshot(of: agent.id)
            #expect(before.state == nil && before.appraisal == nil && before.verdict == nil)
            #expect(!before.isStateCurrent)
            let keyrings = Samples.keyrings([".ima": [3, 1, 2].sorted(), ".evm": [9], "_ima": [1]], unusable: [5, 4])
            let appraisal = Samples.appraisal(next: 100, keyrings: keyrings, findings: Samples.findings(5))
            let outcome = Samples.outcome(
                before, progress: Samples.progress(appraisal), tier: .contraindicated, findings: Samples.findings(120))
            #expect(try await store.commit(outcome) == .committed(verdict: 1))

            let after = try store.snapshot(of: agent.id)
            #expect(after.appraisal == appraisal)
            #expect(after.appraisal?.keyrings.keyrings[Array(".ima".utf8)]?.first?.subject == "CN 1")
            #expect(after.isStateCurrent)
            #expect(after.state?.clockInfo == ClockInfo(clock: 123_456, resetCount: 7, restartCount: 2, isSafe: true))
            #expect(after.state?.selection == outcome.progress?.selection)
            #expect(after.state?.challengedAt == 1_800_000_000)
            #expect(after.state?.committedAt == 1_800_000_005)
            let verdict = try #require(try store.verdict(of: agent.id))
            #expect(verdict.findings == Samples.findings(120))
            #expect(verdict.findings.kept.count == 100)
            #expect(verdict.verdict.tier == .contraindicated)
            #expect(verdict.verdict.failures == [.notInPolicy: 60] && verdict.verdict.warnings == [.violation: 60])
            #expect(try store.keyrings(of: agent.id) == keyrings)
        }
    }

    @Test("a real certificate's key can be used after it was read back, without parsing the certificate")
    func certificate() async throws {
        let der = try Fixtures.bytes("appraisal/tpm-object/public-ecc-storage/certificate.der")
        let key = try #require(LearnedKey(der: der, record: 5, firstSeen: 6))
        try await TemporaryStore.run { store in
            let ring = Array(".ima".utf8)
            try await store.attest("host", keyrings: KeyringModel(keyrings: [ring: [key]], unusable: []))
            let stored = try #require(try store.keyrings(of: AgentID("host")).keyrings[ring]?.first)
            #expect(stored == key)
            #expect(stored.der == der)
            #expect(stored.fingerprint == key.fingerprint && stored.subject == key.subject)
            let publicKey = try #require(stored.material.publicKey)
            #expect(publicKey.fingerprint == key.fingerprint)
        }
    }

    @Test("a certificate and a key of 12 KiB, and a key that libcrypto can't use") func largeKeys() async throws {
        let rsa = try SigningKey(rsaBits: 2048)
        let certificate = try #require(LearnedKey(der: try rsa.certificate(bytes: 12 << 10), record: 5, firstSeen: 6))
        let lattice = try Fixtures.bytes("generated/ml-dsa/87/certificate.der")
        let info = try Certificate(der: lattice).subjectPublicKeyInfo
        let keys = [
            certificate,
            Self.key(2, der: lattice, info: info),
            // As long as a key of many parts would be.
            Self.key(3, der: [UInt8](repeating: 7, count: 12 << 10), info: [UInt8](repeating: 7, count: 12 << 10)),
        ]
        try await TemporaryStore.run { store in
            let ring = Array(".ima".utf8)
            try await store.attest("host", keyrings: KeyringModel(keyrings: [ring: keys], unusable: []))
            let stored = try store.keyrings(of: AgentID("host")).keyrings[ring] ?? []
            #expect(stored.count == 3)
            for key in keys {
                let again = try #require(stored.first { $0 == key })
                #expect(again.der == key.der)
                #expect(again.material.subjectPublicKeyInfo == key.material.subjectPublicKeyInfo)
            }
        }
    }

    private static func key(_ number: Int, der: [UInt8], info: [UInt8]) -> LearnedKey {
        LearnedKey(
            keyID: KeyID(UInt32(number)), certificateFingerprint: PCRBank.sha256.digest(of: der),
            fingerprint: PCRBank.sha256.digest(of: info), subject: nil, record: UInt64(number), firstSeen: 6,
            material: KeyMaterial(der: der, subjectPublicKeyInfo: info))
    }

    @Test("a key of the first layout, which has its certificate's digest, is read, too") func firstKeyLayout() throws {
        let key = Samples.key(7)
        var writer = ByteWriter()
        writer.u8(1)
        writer.field(Array(".ima".utf8))
        writer.integer(key.keyID.value)
        writer.digest(key.certificateFingerprint)
        writer.digest(key.fingerprint)
        writer.optional(key.subject) { $0.field($1.utf8) }
        writer.integer(key.record)
        writer.time(key.firstSeen)
        writer.field(key.der)
        writer.integer(UInt32(0))
        writer.integer(UInt32(key.der.count))
        let stored = try StoredKey(stored: writer.bytes.span, at: .init())
        #expect(stored == StoredKey(key, on: Array(".ima".utf8)))
        #expect(try StoredKey(stored: stored.stored.span, at: .init()) == stored)
        #expect(stored.stored.count == writer.bytes.count - 32)
    }

    @Test("a policy's source and compiled form, by name and by content") func policy() async throws {
        try await TemporaryStore.run { store in
            let source = [UInt8](repeating: 0x20, count: 100_000)
            let hash = try await store.putPolicy("web servers", source: source, compiled: [9, 9], at: 12)
            #expect(hash == PCRBank.sha256.digest(of: source))
            #expect(
                try store.policy(named: "web servers")
                    == PolicyName(name: "web servers", contentHash: hash, putAt: 12))
            #expect(try store.policySource(hash) == source)
            #expect(try store.compiledPolicy(hash) == [9, 9])
            #expect(try store.policy(named: "other") == nil)
            try await store.putPolicy("a", source: source, compiled: [8], at: 13)
            #expect(try store.policyNames().map(\.name) == ["a", "web servers"])
            #expect(try store.compiledPolicy(hash) == [8])
        }
    }

    @Test("denied keys, and that a key not denied can't be allowed") func denied() async throws {
        try await TemporaryStore.run { store in
            let hash = Digest(repeating: 5, count: 32)
            try await store.deny(hash, at: 44)
            #expect(try store.deniedKeys() == [DeniedKey(keyHash: hash, changedAt: 44, generation: 1)])
            try await store.allow(hash)
            #expect(try store.deniedKeys().isEmpty)
            await #expect(throws: StoreError.self) { try await store.allow(hash) }
        }
    }

    @Test("the generation counts what a server must notice, and no commit") func generation() async throws {
        try await TemporaryStore.run { store in
            var last = try store.readGeneration()
            func expectStep(_ what: String) throws {
                let now = try store.readGeneration()
                #expect(now == last + 1, "\(what)")
                last = now
            }
            let agent = try Samples.agent("host")
            try await store.enrol(agent)
            try expectStep("enrol")
            try await store.putPolicy("base", source: [1], compiled: [], at: 0)
            try expectStep("put")
            try await store.assignPolicy("base", to: agent.id)
            try expectStep("assign")
            try await store.deny(Digest(repeating: 1, count: 32), at: 0)
            try expectStep("deny")
            try await store.setRevocation(of: agent.id, at: 1)
            try expectStep("revoke")
            try await store.setRevocation(of: agent.id, at: nil)
            try expectStep("reinstate")
            try await store.attest("host")
            #expect(try store.readGeneration() == last)
            try await store.remove(agent.id)
            try expectStep("remove")
        }
    }

    @Test("every layout refuses each of its truncations, a byte more, and another layout")
    func hostileValues() async throws {
        try await TemporaryStore.run { store in
            try await store.attest(
                "host", keyrings: Samples.keyrings([:], unusable: [4]), findings: Samples.findings(2))
            let snapshot = try store.snapshot(of: AgentID("host"))
            try Hostile.refuseDamage(#require(snapshot.state))
            try Hostile.refuseDamage(#require(snapshot.verdict))
        }
        try Hostile.refuseDamage(Samples.agent("host", policy: "base"))
        try Hostile.refuseDamage(StoredKey(Samples.key(1), on: Array(".ima".utf8)))
        try Hostile.refuseDamage(StoredFindings(Samples.findings(3)))
        try Hostile.refuseDamage(PolicyName(name: "base", contentHash: Digest(repeating: 1, count: 32), putAt: 1))
        try Hostile.refuseDamage(DeniedKey(keyHash: Digest(repeating: 1, count: 32), changedAt: 1, generation: 3))
        try Hostile.refuseDamage(StoredPolicy([1, 2, 3]))
    }
}
