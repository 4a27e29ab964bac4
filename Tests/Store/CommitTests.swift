import Appraisal
import AssayCrypto
import Testing

@testable import Store

@Suite("A commit is all or nothing") struct CommitTests {
    /// What happens to an agent between a session's beginning and its commit.
    enum Meanwhile: CaseIterable {
        case removed, revoked, enrolledAgain, assigned, policyReplaced, denied, allowed, committed, discarded
    }

    @Test("what changed meanwhile is a conflict, and nothing is committed", arguments: Meanwhile.allCases)
    func conflict(meanwhile: Meanwhile) async throws {
        try await TemporaryStore.run { store in
            let denied = Digest(repeating: 9, count: 32)
            try await store.deny(denied, at: 0)
            try await store.putPolicy("base", source: [1], compiled: [], at: 0)
            try await store.putPolicy("other", source: [2], compiled: [], at: 0)
            let agent = try Samples.agent("host", policy: "base")
            try await store.enrol(agent)
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]))
            let snapshot = try store.snapshot(of: agent.id)

            let expected: CommitResult.Conflict
            switch meanwhile {
            case .removed:
                try await store.remove(agent.id)
                expected = .notEnrolled
            case .revoked:
                try await store.setRevocation(of: agent.id, at: 5)
                expected = .revoked
            case .enrolledAgain:
                var again = agent
                again.attestationKeyName = [1]
                try await store.enrol(again, replacing: true)
                expected = .attestationKeyChanged
            case .assigned:
                try await store.assignPolicy("other", to: agent.id)
                expected = .policyChanged
            case .policyReplaced:
                try await store.putPolicy("base", source: [3], compiled: [], at: 1)
                expected = .policyChanged
            case .denied:
                try await store.deny(Digest(repeating: 8, count: 32), at: 1)
                expected = .deniedKeysChanged
            case .allowed:
                try await store.allow(denied)
                expected = .deniedKeysChanged
            case .committed:
                try await store.attest("host")
                expected = .stateChanged
            case .discarded:
                try await store.discardState(of: agent.id)
                expected = .stateChanged
            }
            let before = try? store.snapshot(of: agent.id)
            let late = Samples.outcome(
                snapshot, progress: Samples.progress(Samples.appraisal(next: 999)), findings: Samples.findings(4))
            #expect(try await store.commit(late) == .conflict(expected))
            let after = try? store.snapshot(of: agent.id)
            #expect(after?.appraisal == before?.appraisal)
            #expect(after?.verdict == before?.verdict)
        }
    }

    @Test("an assignment to another name of the same policy is no conflict") func samePolicy() async throws {
        try await TemporaryStore.run { store in
            try await store.putPolicy("base", source: [1], compiled: [], at: 0)
            try await store.putPolicy("alias", source: [1], compiled: [], at: 0)
            let agent = try Samples.agent("host", policy: "base")
            try await store.enrol(agent)
            let snapshot = try store.snapshot(of: agent.id)
            try await store.assignPolicy("alias", to: agent.id)
            #expect(try await store.commit(Samples.outcome(snapshot, progress: nil)) == .committed(verdict: 1))
        }
    }

    @Test("a round without a match leaves position and keyrings, and records its verdict") func unmatched() async throws
    {
        try await TemporaryStore.run { store in
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1, 2]]))
            let snapshot = try store.snapshot(of: AgentID("host"))
            let failed = Samples.outcome(snapshot, progress: nil, tier: .contraindicated, findings: Samples.findings(1))
            #expect(try await store.commit(failed) == .committed(verdict: 2))
            let after = try store.snapshot(of: AgentID("host"))
            #expect(after.appraisal == snapshot.appraisal)
            #expect(after.state == snapshot.state)
            #expect(after.verdict?.tier == .contraindicated)
            #expect(try await store.attest("host") == .committed(verdict: 3))
        }
    }

    @Test("keyrings change by difference: new keys come, missing ones go, a new epoch begins without") func keyrings()
        async throws
    {
        try await TemporaryStore.run { store in
            let rounds = [
                Samples.keyrings([".ima": [1, 2]]), Samples.keyrings([".ima": [1, 2, 3], ".evm": [1]]),
                Samples.keyrings([".evm": [1]]), Samples.keyrings([:], unusable: [8]), Samples.keyrings([".ima": [7]]),
            ]
            for keyrings in rounds {
                try await store.attest("host", keyrings: keyrings)
                #expect(try store.keyrings(of: AgentID("host")) == keyrings)
            }
        }
    }

    @Test("findings stay with their verdicts, carried ones follow the state") func findings() async throws {
        try await TemporaryStore.run { store in
            for count in [3, 0, 2] {
                try await store.attest("host", findings: Samples.findings(count))
                let stored = try store.environment.read { (transaction) throws(StoreError) in
                    var keys = 0
                    try transaction.scan(store.schema.findings, prefix: []) { (_, _) throws(StoreError) in
                        keys += 1
                        return true
                    }
                    return keys
                }
                // Those of the verdicts so far that had any, and the carried ones.
                #expect(stored == [3: 2, 0: 1, 2: 3][count])
                #expect(try store.snapshot(of: AgentID("host")).appraisal?.findings == Samples.findings(count))
            }
        }
    }

    @Test("a changed policy or denied key makes the state stale") func stale() async throws {
        try await TemporaryStore.run { store in
            try await store.attest("host")
            #expect(try store.snapshot(of: AgentID("host")).isStateCurrent)
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]))
            try await store.deny(Samples.key(1).fingerprint, at: 0)
            #expect(try !store.snapshot(of: AgentID("host")).isStateCurrent)
            try await store.attest("host")
            #expect(try store.snapshot(of: AgentID("host")).isStateCurrent)
            try await store.putPolicy("base", source: [1], compiled: [], at: 0)
            try await store.assignPolicy("base", to: AgentID("host"))
            #expect(try !store.snapshot(of: AgentID("host")).isStateCurrent)
        }
    }

    @Test("enrolling twice is refused, with `replacing` it begins anew") func enrolTwice() async throws {
        try await TemporaryStore.run { store in
            let agent = try Samples.agent("host")
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]), findings: Samples.findings(2))
            await #expect(throws: StoreError(.alreadyExists, "the agent is enrolled", at: .init(agent: agent.id.bytes)))
            {
                try await store.enrol(agent)
            }
            try await store.enrol(agent, replacing: true)
            let snapshot = try store.snapshot(of: agent.id)
            #expect(snapshot.appraisal == nil && snapshot.verdict == nil)
            #expect(try store.keyrings(of: agent.id).isEmpty)
        }
    }

    @Test("a policy that doesn't exist can't be assigned, nor an agent that isn't enrolled") func missing() async throws
    {
        try await TemporaryStore.run { store in
            let agent = try Samples.agent("host")
            try await store.enrol(agent)
            await #expect(throws: StoreError(.notFound, "there is no policy none")) {
                try await store.assignPolicy("none", to: agent.id)
            }
            await #expect(throws: StoreError.self) { try await store.enrol(Samples.agent("two", policy: "none")) }
            await #expect(throws: StoreError.self) { try await store.assignPolicy(nil, to: AgentID("ghost")) }
            await #expect(throws: StoreError.self) { try await store.remove(AgentID("ghost")) }
            #expect(try store.agents().count == 1)
        }
    }
}
