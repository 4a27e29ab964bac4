import Appraisal
import AssayCrypto
import TPM
import Testing

@testable import Store

@Suite("The past is kept, within its bounds") struct HistoryTests {
    @Test("every verdict is there, in order, with its boot epoch and policy") func complete() async throws {
        try await TemporaryStore.run { store in
            let hash = try await store.putPolicy("base", source: [1], compiled: [], at: 0)
            for round in 1...40 {
                if round == 20 { try await store.assignPolicy("base", to: AgentID("host")) }
                try await store.attest("host", tier: round.isMultiple(of: 7) ? .warning : .affirming)
            }
            let history = try store.history(of: AgentID("host"))
            #expect(history.map(\.verdict.number) == Array(1...40))
            #expect(history.map(\.verdict.tier) == (1...40).map { $0.isMultiple(of: 7) ? .warning : .affirming })
            #expect(history.map(\.verdict.policyHash) == (1...40).map { $0 < 20 ? nil : hash })
            #expect(history.allSatisfy { $0.resetCount == 7 })
            #expect(history.last?.verdict == (try store.verdict(of: AgentID("host"))?.verdict))
        }
    }

    @Test("more than the bound are never kept, and changes outlive repetitions") func thinning() async throws {
        var bounds = HistoryBounds()
        bounds.verdicts = 32
        bounds.full = 5
        try await TemporaryStore.run(history: bounds) { store in
            for round in 1...200 {
                // One change every 40 verdicts.
                try await store.attest("host", tier: (round / 40).isMultiple(of: 2) ? .affirming : .warning)
                #expect(try store.history(of: AgentID("host")).count <= 32)
            }
            let numbers = try store.history(of: AgentID("host")).map(\.verdict.number)
            #expect(numbers == numbers.sorted() && numbers.last == 200)
            // Each tier's first verdict is there; between them only few are.
            #expect(Set(numbers).isSuperset(of: [1, 40, 80, 120, 160]))
            #expect(numbers.suffix(5) == [196, 197, 198, 199, 200])
        }
    }

    @Test("findings are kept for the newest verdicts only") func findings() async throws {
        var bounds = HistoryBounds()
        bounds.full = 3
        try await TemporaryStore.run(history: bounds) { store in
            for _ in 1...8 { try await store.attest("host", findings: Samples.findings(2)) }
            let id = try AgentID("host")
            let kept = try (1...8).filter { try store.findings(ofVerdict: $0, of: id) != nil }
            #expect(kept == [6, 7, 8])
            #expect(try store.history(of: id).allSatisfy { $0.verdict.failures == [.notInPolicy: 1] })
        }
    }

    @Test("findings that don't fit the bytes make room, the last verdict's never") func bytes() async throws {
        var bounds = HistoryBounds()
        bounds.bytes = 20_000
        try await TemporaryStore.run(history: bounds) { store in
            for _ in 1...12 { try await store.attest("host", findings: Samples.findings(100)) }
            let id = try AgentID("host")
            let kept = try (1...12).filter { try store.findings(ofVerdict: $0, of: id) != nil }
            #expect(kept.last == 12 && kept.count < 5)
            #expect(try store.history(of: id).count == 12)
        }
    }

    @Test("the last failing verdict of each boot epoch keeps its findings, however many verdicts follow")
    func lastingFindings() async throws {
        var bounds = HistoryBounds()
        bounds.full = 3
        bounds.verdicts = 20
        try await TemporaryStore.run(history: bounds) { store in
            let id = try AgentID("host")
            func kept() throws -> [UInt64] {
                try (1...400).filter { try store.findings(ofVerdict: $0, of: id) != nil }
            }
            try await store.attest("host", findings: Samples.findings(1), tier: .contraindicated)
            try await store.attest("host", findings: Samples.findings(2), tier: .contraindicated)
            // A log that was tampered with makes a failing verdict whenever the host likes: it takes no other's place.
            for _ in 3...9 {
                try await store.attest(
                    "host", findings: Samples.findings(3), tier: .contraindicated, meetsQuote: false)
            }
            // By a reboot the findings of the epoch are no longer the state's.
            for _ in 10...200 { try await store.attest("host", resetCount: 8) }
            #expect(try kept() == [2, 9])
            #expect(try store.findings(ofVerdict: 2, of: id) == Samples.findings(2))
            #expect(try store.history(of: id).map(\.verdict.number).contains(2))
            #expect(try store.history(of: id).count <= 20)
            // By turns of tier none is pushed out either.
            for round in 201...280 {
                try await store.attest("host", tier: round.isMultiple(of: 2) ? .warning : .affirming, resetCount: 8)
            }
            #expect(try kept() == [2, 9])
            // As many epochs as are kept; then the oldest goes.
            for epoch in 9...15 as ClosedRange<UInt32> {
                try await store.attest(
                    "host", findings: Samples.findings(1), tier: .contraindicated, resetCount: epoch)
            }
            #expect(try kept().prefix(3) == [2, 9, 281])
            try await store.attest("host", findings: Samples.findings(1), tier: .contraindicated, resetCount: 16)
            #expect(try kept() == Array(281...288))
            #expect(try store.history(of: id).map(\.verdict.number).suffix(8) == Array(281...288)[...])
        }
    }

    @Test("findings that last are not counted among the bytes that others may take") func lastingBytes() async throws {
        var bounds = HistoryBounds()
        bounds.bytes = 20_000
        try await TemporaryStore.run(history: bounds) { store in
            let id = try AgentID("host")
            try await store.attest("host", findings: Samples.findings(100), tier: .contraindicated)
            for _ in 2...9 {
                try await store.attest(
                    "host", findings: Samples.warnings(100), tier: .warning, resetCount: 8)
            }
            #expect(try store.findings(ofVerdict: 1, of: id) == Samples.findings(100))
            #expect(try store.findings(ofVerdict: 2, of: id) == nil)
            #expect(try store.findings(ofVerdict: 9, of: id) != nil)
        }
    }

    @Test("an old verdict is forgotten, the last one never") func age() {
        var bounds = HistoryBounds()
        bounds.age = 100
        let verdicts = (1...5).map { Self.verdict($0, at: Int64($0) * 60) }
        #expect(bounds.thinned(verdicts, to: 100, at: 300).map(\.verdict.number) == [4, 5])
        #expect(bounds.thinned(verdicts, to: 100, at: 9000).map(\.verdict.number) == [5])
        #expect(bounds.thinned([], to: 1, at: 0).isEmpty)
    }

    @Test("whatever the limit, at most so many stay, and the last is one of them", arguments: 1...40)
    func limit(limit: Int) {
        let verdicts = (1...37).map { Self.verdict($0, tier: $0 % 5 == 0 ? .warning : .affirming, at: 1000) }
        let kept = HistoryBounds().thinned(verdicts, to: limit, at: 1000)
        #expect(kept.count == min(limit, 37))
        #expect(kept.last == verdicts.last)
    }

    @Test("a change of tier, a boot, keys and an operator's acts are events") func events() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]))
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1, 2]]), tier: .contraindicated)
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [2]]), tier: .affirming, resetCount: 8)
            try await store.attest("other")
            try await store.setRevocation(of: id, at: 9)
            try await store.setRevocation(of: id, at: nil)
            try await store.deny(Samples.key(1).fingerprint, at: 10)
            try await store.deny(Samples.key(5).fingerprint, at: 11)
            let ring = Array(".ima".utf8)
            let kinds = try store.events(of: id).map(\.kind)
            #expect(
                kinds == [
                    .enrolled, .tierChanged(from: nil, to: .affirming),
                    .keyLearned(keyring: ring, key: Samples.key(1).fingerprint),
                    .tierChanged(from: .affirming, to: .contraindicated),
                    .keyLearned(keyring: ring, key: Samples.key(2).fingerprint),
                    .tierChanged(from: .contraindicated, to: .affirming), .epochChanged(from: 7, to: 8),
                    .keyGone(keyring: ring, key: Samples.key(1).fingerprint), .revoked, .reinstated,
                    .keyDenied(Samples.key(1).fingerprint),
                ])
            let numbers = try store.events(of: id).map(\.number)
            #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
            #expect(try store.events().map(\.kind).count == 2)
        }
    }

    @Test("events and keys of one agent have a bound, too") func eventBound() async throws {
        var bounds = HistoryBounds()
        bounds.events = 10
        try await TemporaryStore.run(history: bounds) { store in
            for round in 1...30 { try await store.attest("host", keyrings: Samples.keyrings([".ima": [round]])) }
            let id = try AgentID("host")
            #expect(try store.events(of: id).count <= 10)
            let keys = try store.keyHistory(of: id)
            #expect(keys.count == 10)
            #expect(keys.filter { $0.goneAt == nil }.map(\.keyID.value) == [30])
        }
    }

    @Test("an operator's events aren't pushed out by those that a host brings about, nor the other way round")
    func eventsOfOperators() async throws {
        var bounds = HistoryBounds()
        bounds.events = 10
        try await TemporaryStore.run(history: bounds) { store in
            let id = try AgentID("host")
            try await store.enrol(Samples.agent("host"))
            try await store.setRevocation(of: id, at: 9)
            try await store.setRevocation(of: id, at: nil)
            for round in 1...50 {
                try await store.attest("host", tier: round.isMultiple(of: 2) ? .contraindicated : .affirming)
            }
            let kinds = try store.events(of: id).map(\.kind)
            #expect(kinds.prefix(3) == [.enrolled, .revoked, .reinstated] && kinds.count == 10)
            #expect(kinds.last == .tierChanged(from: .affirming, to: .contraindicated))
            for round in 1...50 { try await store.setRevocation(of: id, at: round.isMultiple(of: 2) ? nil : 9) }
            let after = try store.events(of: id).map(\.kind)
            #expect(after.count == 10 && after.count { $0.word == .tierChanged } >= 4)
            #expect(after.last == .reinstated)
        }
    }

    @Test("a key's history outlives the boot epoch") func keyHistory() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1, 2]]))
            try await store.attest("host", keyrings: Samples.keyrings([".evm": [1], ".ima": [2]]), resetCount: 8)
            let keys = try store.keyHistory(of: id)
            #expect(keys.map { String(decoding: $0.keyring, as: UTF8.self) } == [".evm", ".ima", ".ima"])
            #expect(keys.map(\.keyID.value) == [1, 1, 2])
            #expect(keys.map { $0.goneAt != nil } == [false, true, false])
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]), resetCount: 9)
            let again = try store.keyHistory(of: id)[1]
            #expect(again.goneAt == nil && again.epochs == 2 && again.resetCount == 9)
            try await store.remove(id)
            try await store.enrol(Samples.agent("host"))
            #expect(try store.keyHistory(of: id).isEmpty)
        }
    }

    @Test("the new layouts refuse each of their truncations, a byte more, and another layout") func hostile() throws {
        let verdicts = (1...16).map { Self.verdict($0, tier: .warning, at: 5) }
        try Hostile.refuseDamage(HistoryPage(verdicts))
        try Hostile.refuseDamage(HistoryPage([]))
        try Hostile.refuseDamage(KeySighting(Samples.key(1), on: Array(".ima".utf8), resetCount: 3))
        let digest = Digest(repeating: 1, count: 32)
        let kinds: [Event.Kind] = [
            .enrolled, .removed(agent: [1], byRule: true), .revoked, .reinstated, .stateDiscarded,
            .tierChanged(from: nil, to: .warning), .tierChanged(from: .warning, to: .affirming),
            .epochChanged(from: 1, to: 2), .keyLearned(keyring: [1], key: digest), .keyGone(keyring: [2], key: digest),
            .policyAssigned("a"), .policyAssigned(nil), .policyPut("a", contentHash: digest), .keyDenied(digest),
            .keyAllowed(digest), .schemaChanged(from: 1, to: 2), .reattestationRequested(from: 3),
            .scratchDropped(record: 4), .joined, .joinRefused(.otherTPM, endorsementKeyName: [1, 2]),
            .joinRefused(.badRequest, endorsementKeyName: []), .attestationKeyReplaced(from: [1], to: [2, 3]),
            .invitationPolicyTaken(from: nil, to: "a"), .invitationPolicyTaken(from: "a", to: "b"),
            .invitationPolicyNotTaken("a"),
            .verdictWithdrawn(stamp: 5), .learningRequested,
        ]
        for kind in kinds {
            let event = Event(time: 7, kind: kind)
            #expect(try Event(stored: event.stored.span, at: .init()) == event)
            try Hostile.refuseDamage(event)
        }
    }

    private static func verdict(_ number: Int, tier: Tier = .affirming, at time: Int64) -> PastVerdict {
        var verdict = Verdict(
            tier: tier, challengedAt: time, givenAt: time, policyHash: nil, appraisedRecords: 1, excessRecords: 0,
            failures: [:], warnings: tier == .warning ? [.violation: 2] : [:])
        verdict.number = UInt64(number)
        return PastVerdict(verdict: verdict, resetCount: 1)
    }

    @Test("another bank of the quotes is an event, and the same one is none") func banks() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            for bank in [PCRBank.sha384, .sha384, .sha256, .sha256, .sha384] {
                if (try? store.agent(id)) == nil { try await store.enrol(Samples.agent("host")) }
                let snapshot = try store.snapshot(of: id)
                var progress = Samples.progress(Samples.appraisal(next: 1))
                progress.selection = PCRSelection(banks: [bank], pcrs: PCRSet([0, 10]))
                _ = try await store.commit(Samples.outcome(snapshot, progress: progress))
            }
            let kinds = try store.events(of: id).map(\.kind)
            #expect(
                kinds == [
                    .enrolled, .tierChanged(from: nil, to: .affirming), .bankChanged(from: .sha384, to: .sha256),
                    .bankChanged(from: .sha256, to: .sha384),
                ])
        }
    }
}
