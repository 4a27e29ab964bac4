import Appraisal
import AssayCrypto
import Testing

@testable import Store

@Suite("Joining again") struct RejoinTests {
    static let now: Int64 = 1_800_000_000
    private static let id = "web-1"

    /// A claim of a host whose TPM and attestation key are numbers.
    static func claim(
        tpm: UInt8 = 1, key: UInt8 = 1, token: UInt8 = 1, wishes id: String = id, at time: Int64 = now
    ) -> JoinClaim {
        JoinClaim(
            tokenHash: Digest(repeating: token, count: 32), wishedID: Array(id.utf8), endorsementKeyPublic: [tpm],
            endorsementKeyName: [0, 11, tpm], endorsementKeyCertificate: [tpm, 9], attestationKeyPublic: [key],
            attestationKeyName: [0, 11, 0, key], tlsKeyFingerprint: Digest(repeating: 5, count: 32), time: time)
    }

    static func invite(
        _ store: Store, _ id: String?, token: UInt8 = 1, policy: String? = nil, uses: UInt32 = 9,
        seconds: Int64 = 3600
    ) async throws {
        try await store.invite(
            Invitation(
                tokenHash: Digest(repeating: token, count: 32), seed: [token], agent: try id.map { try AgentID($0) },
                policyName: policy, createdAt: now, expiresAt: now + seconds, uses: uses))
    }

    @discardableResult
    static func join(_ store: Store, _ claim: JoinClaim) async throws -> JoinDecision {
        guard case .admitted(let id) = try store.decide(claim) else { return try store.decide(claim) }
        return try await store.join(claim, as: id, certificate: [0x30])
    }

    /// A store with policies, an invitation to whom it may concern, and web-1 that has joined with TPM 1 and key 1.
    private func withAgent(
        history: HistoryBounds = .init(), policy: String? = "base", _ body: (Store, AgentID) async throws -> Void
    ) async throws {
        try await TemporaryStore.run(history: history) { store in
            for (number, name) in ["base", "lax", "strict"].enumerated() {
                try await store.putPolicy(name, source: [UInt8(number)], compiled: [], at: 0)
            }
            try await Self.invite(store, nil, policy: policy)
            #expect(try await Self.join(store, Self.claim()) == .admitted(AgentID(Self.id)))
            try await body(store, AgentID(Self.id))
        }
    }

    // MARK: What stays

    @Test("another key of the same TPM: all that is known stays, but where to go on; and it is an event")
    func otherKey() async throws {
        try await withAgent { store, id in
            try await store.attest(Self.id, keyrings: Samples.keyrings([".ima": [1, 2]]))
            var progress = Samples.progress(
                Samples.appraisal(
                    next: 100, keyrings: Samples.keyrings([".ima": [1, 2]]), findings: Samples.findings(3)))
            progress.passed = [Samples.appraisal(next: 50, keyrings: Samples.keyrings([".ima": [1, 2]]))]
            let failing = Samples.outcome(
                try store.snapshot(of: id), progress: progress, tier: .contraindicated, findings: Samples.findings(3))
            #expect(try await store.commit(failing) == .committed(verdict: 2))
            try await store.requestReattestation(of: id, from: 60, at: 5)
            #expect(try store.snapshot(of: id).position?.appraisal.nextRecord == 50)
            #expect(try await store.remember(ScratchTests.scratch(try store.snapshot(of: id)), of: id))
            let before = try store.snapshot(of: id)
            let events = try store.events(of: id).map(\.kind)

            #expect(try await Self.join(store, Self.claim(key: 2)) == .admitted(id))
            let after = try store.snapshot(of: id)
            #expect(after.agent.attestationKeyName == Self.claim(key: 2).attestationKeyName)
            #expect(after.agent.enrolledAt == before.agent.enrolledAt && after.agent.policyName == "base")
            #expect(after.verdict == before.verdict && after.verdict?.tier == .contraindicated)
            #expect(try store.verdict(of: id)?.findings == Samples.findings(3))
            #expect(try store.history(of: id).count == 2)
            #expect(after.state == before.state && after.appraisal?.keyrings == before.appraisal?.keyrings)
            #expect(after.reattestation == before.reattestation)
            #expect(try store.keyHistory(of: id).count == 2)
            // Nothing of it is gone on from.
            #expect(!after.isStateCurrent && after.keptScratch == nil && after.position == nil)
            #expect(
                try store.events(of: id).map(\.kind) == events + [
                    .joined,
                    .attestationKeyReplaced(
                        from: Self.claim().attestationKeyName, to: Self.claim(key: 2).attestationKeyName),
                ])
            // A round that rests on the former key is too late; one under the new key says otherwise.
            #expect(try await store.commit(failing) == .conflict(.attestationKeyChanged))
            #expect(
                try await store.attest(Self.id, keyrings: Samples.keyrings([".ima": [1, 2]])) == .committed(verdict: 3))
            #expect(try store.snapshot(of: id).verdict?.tier == .affirming)
            #expect(try store.events(of: id).last?.kind == .tierChanged(from: .contraindicated, to: .affirming))
        }
    }

    @Test("whoever has been silent for long and joins again isn't removed before its next verdict")
    func silent() async throws {
        try await withAgent { store, id in
            try await Self.invite(store, Self.id, token: 2, seconds: 86_400)
            let later = Self.now + 7_200
            #expect(try await Self.join(store, Self.claim(key: 2, token: 2, at: later)) == .admitted(id))
            #expect(try store.snapshot(of: id).agent.enrolledAt == Self.now)
            #expect(try await store.removeAgents(silentSince: later, at: later + 60) == [])
            #expect(try await store.removeAgents(silentSince: later + 1, at: later + 61) == [id])
        }
    }

    @Test("a key that was denied still counts against the verdict that rests on it") func deniedKey() async throws {
        try await withAgent { store, id in
            try await store.attest(Self.id, keyrings: Samples.keyrings([".ima": [1]]))
            try await store.deny(Samples.key(1).fingerprint, at: 5)
            try await Self.join(store, Self.claim(key: 2))
            #expect(try store.snapshot(of: id).summary.deniedKeys == [Samples.key(1).fingerprint])
            #expect(try store.agents().first?.get().deniedKeys == [Samples.key(1).fingerprint])
        }
    }

    @Test("a maker's certificate that came once isn't taken back") func makersCertificate() async throws {
        try await withAgent { store, id in
            let claim = Self.claim(key: 2)
            let bare = JoinClaim(
                tokenHash: claim.tokenHash, wishedID: claim.wishedID, endorsementKeyPublic: claim.endorsementKeyPublic,
                endorsementKeyName: claim.endorsementKeyName, endorsementKeyCertificate: [],
                attestationKeyPublic: claim.attestationKeyPublic, attestationKeyName: claim.attestationKeyName,
                tlsKeyFingerprint: claim.tlsKeyFingerprint, time: claim.time)
            try await Self.join(store, bare)
            #expect(try store.identity(of: id)?.endorsementKeyCertificate == [1, 9])
        }
    }

    // MARK: The policy

    /// An invitation, and what an agent that is judged by `base` or by none is judged by once it has joined with it.
    struct Policies: Sendable {
        let own: String?
        let named: Bool
        let invited: String?
        let then: String?
        var event: Event.Kind?
    }

    @Test(
        "an enrolled agent keeps its policy, unless the invitation names it; either is an event",
        arguments: [
            Policies(own: "base", named: false, invited: "lax", then: "base", event: .invitationPolicyNotTaken("lax")),
            Policies(own: nil, named: false, invited: "lax", then: nil, event: .invitationPolicyNotTaken("lax")),
            Policies(
                own: "base", named: true, invited: "strict", then: "strict",
                event: .invitationPolicyTaken(from: "base", to: "strict")),
            Policies(
                own: nil, named: true, invited: "strict", then: "strict",
                event: .invitationPolicyTaken(from: nil, to: "strict")),
            Policies(own: "base", named: true, invited: nil, then: "base"),
            Policies(own: "base", named: false, invited: nil, then: "base"),
            Policies(own: "base", named: true, invited: "base", then: "base"),
            Policies(own: "base", named: false, invited: "base", then: "base"),
        ])
    func policies(_ expected: Policies) async throws {
        for key: UInt8 in [1, 2] {
            try await withAgent(policy: expected.own) { store, id in
                try await Self.invite(
                    store, expected.named ? Self.id : nil, token: 2, policy: expected.invited)
                #expect(try await Self.join(store, Self.claim(key: key, token: 2)) == .admitted(id))
                #expect(try store.agent(id).policyName == expected.then)
                let kinds = try store.events(of: id).map(\.kind).filter {
                    [.invitationPolicyTaken, .invitationPolicyNotTaken, .policyAssigned].contains($0.word)
                }
                #expect(kinds == (expected.event.map { [$0] } ?? []))
            }
        }
    }

    @Test("the operator's last word counts: no invitation that was kept brings an earlier policy back")
    func lastWord() async throws {
        try await withAgent { store, id in
            try await Self.invite(store, Self.id, token: 2, policy: "lax")
            try await Self.join(store, Self.claim(token: 2))
            #expect(try store.agent(id).policyName == "lax")
            try await store.assignPolicy("strict", to: id)
            for token: UInt8 in [2, 1] { try await Self.join(store, Self.claim(key: 2 + token, token: token)) }
            #expect(try store.agent(id).policyName == "strict")

            try await Self.invite(store, Self.id, token: 3, policy: "lax")
            try await Self.invite(store, Self.id, token: 4, policy: "base")
            try await Self.join(store, Self.claim(key: 7, token: 4))
            try await Self.join(store, Self.claim(key: 8, token: 3))
            #expect(try store.agent(id).policyName == "base")
        }
    }

    // MARK: Who it is

    @Test("an agent is its endorsement key: whoever brings its attestation key alone is another") func otherTPM()
        async throws
    {
        try await withAgent { store, id in
            for (key, token) in [(1, 1), (2, 1), (1, 2), (2, 2)] as [(UInt8, UInt8)] {
                try await Self.invite(store, Self.id, token: 2)
                let claim = Self.claim(tpm: 2, key: key, token: token)
                #expect(try store.decide(claim) == .refused(.otherTPM(id)))
                #expect(try await store.join(claim, as: id, certificate: [1]) == .refused(.otherTPM(id)))
            }
            #expect(try store.agent(id).attestationKeyName == Self.claim().attestationKeyName)
            #expect(try store.identity(of: id)?.endorsementKeyPublic == [1])
        }
    }

    @Test("an agent that was enrolled by hand is nobody's by token, whatever keys come; removed, it is")
    func enrolledByHand() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID(Self.id)
            try await store.enrol(
                Agent(
                    id: id, attestationKeyPublic: [1], attestationKeyName: Self.claim().attestationKeyName,
                    enrolledAt: 5))
            try await Self.invite(store, Self.id)
            for key: UInt8 in [1, 2] {
                #expect(try await Self.join(store, Self.claim(key: key)) == .refused(.enrolledByHand(id)))
            }
            #expect(try store.agent(id).enrolledAt == 5 && store.identity(of: id) == nil)
            try await store.remove(id)
            #expect(try await Self.join(store, Self.claim()) == .admitted(id))
            // An operator who enrols it by hand has the last word again.
            try await store.enrol(store.agent(id), replacing: true)
            #expect(try await Self.join(store, Self.claim()) == .refused(.enrolledByHand(id)))
        }
    }

    @Test("no second agent joins with an attestation key; removing the first one frees it") func oneKey() async throws {
        try await withAgent { store, id in
            let other = try AgentID("web-2")
            for tpm: UInt8 in [1, 2] {
                try await Self.invite(store, "web-2", token: 2)
                #expect(
                    try await Self.join(store, Self.claim(tpm: tpm, token: 2)) == .refused(.attestationKeyTaken(by: id))
                )
            }
            #expect(try await Self.join(store, Self.claim(key: 2, token: 2)) == .admitted(other))
            #expect(try await Self.join(store, Self.claim(key: 2)) == .refused(.attestationKeyTaken(by: other)))
            try await store.remove(other)
            #expect(try await Self.join(store, Self.claim(key: 2)) == .admitted(id))
        }
    }

    // MARK: Refusals in the history

    private func refusals(_ store: Store, _ id: AgentID) throws -> [JoinRefusal.Word] {
        try store.events(of: id).compactMap {
            if case .joinRefused(let word, _) = $0.kind { word } else { nil }
        }
    }

    @Test("a refused join is an event of the agent that it came to, or whose key it brought; of nobody else")
    func refused() async throws {
        try await withAgent { store, id in
            try await store.note(RefusedJoin(Self.claim(tpm: 2), .otherTPM))
            #expect(
                try store.events(of: id).last
                    == store.events(of: id).first {
                        $0.kind == .joinRefused(.otherTPM, endorsementKeyName: Self.claim(tpm: 2).endorsementKeyName)
                            && $0.time == Self.now
                    })
            try await store.note(RefusedJoin(Self.claim(tpm: 2, wishes: "web-2"), .attestationKeyTaken))
            #expect(try refusals(store, id) == [.otherTPM, .attestationKeyTaken])
            let token = Digest(repeating: 1, count: 32)
            try await store.note(RefusedJoin(badRequestWith: token, wishing: Array(Self.id.utf8), at: Self.now))
            #expect(try refusals(store, id) == [.otherTPM, .attestationKeyTaken, .badRequest])

            // Nobody is concerned, and nothing is written.
            let transactions = store.writer.statistics.transactions
            for claim in [
                Self.claim(tpm: 2, token: 9), Self.claim(tpm: 2, key: 2, wishes: "web-2"),
                Self.claim(tpm: 2, key: 2, wishes: ""), Self.claim(tpm: 2, key: 2, wishes: "a\n"),
            ] {
                try await store.note(RefusedJoin(claim, .otherTPM))
            }
            #expect(try refusals(store, id).count == 3)
            #expect(store.writer.statistics.transactions == transactions)
        }
    }

    @Test("a flood of joins, refused or not, leaves the rest of the history alone", arguments: [10, 100])
    func flood(room: Int) async throws {
        var bounds = HistoryBounds()
        bounds.events = room
        try await withAgent(history: bounds) { store, id in
            for round in 1...20 {
                try await store.attest(Self.id, tier: round.isMultiple(of: 2) ? .warning : .affirming)
            }
            let kept = try store.events(of: id).filter { $0.kind.word == .tierChanged }
            for number in 0..<200 {
                try await store.note(RefusedJoin(Self.claim(tpm: 2, at: Self.now + Int64(number)), .otherTPM))
            }
            let transactions = store.writer.statistics.transactions
            try await store.note(RefusedJoin(Self.claim(tpm: 2, at: Self.now + 3599), .otherTPM))
            #expect(store.writer.statistics.transactions == transactions)
            try await store.note(RefusedJoin(Self.claim(tpm: 2, at: Self.now + 3700), .usedUp))
            for number in 0..<60 { try await Self.join(store, Self.claim(key: 10 + UInt8(number))) }

            let most = min(8, room / 10)
            let events = try store.events(of: id)
            #expect(events.count <= room)
            for word in [Event.Kind.Word.joined, .joinRefused, .attestationKeyReplaced] {
                #expect(events.count { $0.kind.word == word } == most)
            }
            #expect(try refusals(store, id).last == .usedUp)
            let left = events.filter { $0.kind.word == .tierChanged }
            #expect(left == Array(kept.suffix(room - 3 * most)))
        }
    }
}
