import Appraisal
import AssayCrypto
import Testing
import TPM

@testable import Store

@Suite("A log on its way") struct ScratchTests {
    static func scratch(_ snapshot: AgentSnapshot, next: UInt64 = 40, at time: Int64 = 1_000) -> Scratch {
        var signatures = AppraisalOutcome.SignatureCounts()
        (signatures.verified, signatures.cached, signatures.failed) = (1, 2, 3)
        (signatures.unknownKey, signatures.refused) = (4, 5)
        var appraisal = Samples.appraisal(
            next: next, keyrings: Samples.keyrings([".ima": [1, 2], ".evm": [3]], unusable: [9]),
            findings: Samples.findings(3))
        appraisal.logBytes = 4_000
        return Scratch(
            basis: Scratch.Basis(
                certificate: Digest(repeating: 3, count: 32), attestationKeyName: snapshot.agent.attestationKeyName,
                resetCount: 7, selection: PCRSelection([.init(.sha256, PCRSet([0, 10]))]),
                measuredPCRs: PCRSet([10]), isBigEndian: true, column: .sha256,
                verdictNumber: snapshot.verdict?.number ?? 0, stateNumber: snapshot.state?.verdictNumber ?? 0,
                policyHash: snapshot.policyHash, denyGeneration: snapshot.denyGeneration,
                reattestation: snapshot.reattestation?.number ?? 0),
            clock: ClockInfo(clock: 5, resetCount: 7, restartCount: 1, isSafe: false), appraisal: appraisal,
            recordsAppraised: 12, signatures: signatures,
            transfer: LogTransfer(
                resetCount: 7, recordsDone: next, recordsTotal: 100, bytesDone: 4_000, bytesTotal: 10_000,
                beganAt: 900, bytesBefore: 1_000, updatedAt: time))
    }

    private func withAgent(_ body: (Store, AgentID) async throws -> Void) async throws {
        try await TemporaryStore.run { store in
            try await store.enrol(Samples.agent("host"))
            try await body(store, AgentID("host"))
        }
    }

    @Test("is read back as it was kept, beside a listing, and counts for no generation") func roundTrip() async throws {
        try await withAgent { store, id in
            let generation = try store.readGeneration()
            let scratch = Self.scratch(try store.snapshot(of: id))
            #expect(try await store.remember(scratch, of: id))
            #expect(try store.snapshot(of: id).scratch == scratch)
            #expect(try store.agents().first?.get().transfer == scratch.transfer)
            #expect(try store.readGeneration() == generation)
            let later = Self.scratch(try store.snapshot(of: id), next: 50)
            #expect(try await store.remember(later, of: id))
            #expect(try store.snapshot(of: id).scratch == later)
            try await store.forgetScratch(of: id, ledAstrayAt: 50, at: 1_234)
            #expect(try store.snapshot(of: id).keptScratch == nil)
            let event = try store.events(of: id).last
            #expect(event?.kind == .scratchDropped(record: 50) && event?.time == 1_234)
        }
    }

    @Test("any byte of it that changes makes it none, and a listing goes on") func damage() async throws {
        try await withAgent { store, id in
            let value = Self.scratch(try store.snapshot(of: id)).stored
            for index in value.indices {
                var damaged = value
                damaged[index] ^= 0x10
                #expect((try? Scratch(stored: damaged.span, at: .init())) == nil, "byte \(index)")
            }
            try Hostile.refuseDamage(Self.scratch(try store.snapshot(of: id)))
            let schema = store.schema
            for damaged in [[], [1], value.dropLast(), value + [0]] as [[UInt8]] {
                try await store.writer.perform { (_, changes) throws(StoreError) in
                    changes.put(id.key, damaged, in: schema.scratch)
                }
                let snapshot = try store.snapshot(of: id)
                #expect(snapshot.scratch == nil && snapshot.state == nil)
                guard case .damaged = snapshot.keptScratch else {
                    Issue.record("damage isn't told")
                    continue
                }
                #expect(try store.agents().first?.get().transfer == nil)
                #expect(try store.check().problems.map(\.place.database) == ["scratch"])
            }
            try await store.forgetScratch(of: id, at: 0)
        }
    }

    @Test("is not kept when it is too large; what was kept before stays") func size() async throws {
        try await withAgent { store, id in
            let scratch = Self.scratch(try store.snapshot(of: id))
            #expect(try await store.remember(scratch, of: id, limit: scratch.stored.count))
            let later = Self.scratch(try store.snapshot(of: id), next: 60)
            #expect(try await !store.remember(later, of: id, limit: scratch.stored.count - 1))
            #expect(try store.snapshot(of: id).scratch == scratch)
        }
    }

    @Test("is dropped by the next verdict, and one that comes late isn't kept") func commit() async throws {
        try await withAgent { store, id in
            let scratch = Self.scratch(try store.snapshot(of: id))
            #expect(try await store.remember(scratch, of: id))
            try await store.attest("host")
            #expect(try store.snapshot(of: id).keptScratch == nil)
            #expect(try await !store.remember(scratch, of: id))
            #expect(try store.snapshot(of: id).keptScratch == nil)
        }
    }

    @Test("is not kept once something that it rests on has changed") func basis() async throws {
        let changes: [(String, (Store, AgentID) async throws -> Void)] = [
            ("policy", { try await $0.assignPolicy("base", to: $1) }),
            ("denied keys", { store, _ in try await store.deny(Digest(repeating: 1, count: 32), at: 0) }),
            ("revocation", { try await $0.setRevocation(of: $1, at: 3) }),
            ("removal", { try await $0.remove($1) }),
            ("request", { try await $0.requestReattestation(of: $1, at: 4) }),
            (
                "key",
                { store, id in
                    var agent = try store.agent(id)
                    agent.attestationKeyName = [1]
                    try await store.enrol(agent, replacing: true)
                }
            ),
        ]
        for (what, change) in changes {
            try await withAgent { store, id in
                try await store.putPolicy("base", source: [1], compiled: [], at: 0)
                let scratch = Self.scratch(try store.snapshot(of: id))
                try await change(store, id)
                #expect(try await !store.remember(scratch, of: id), "\(what)")
            }
        }
    }

    @Test("goes with its agent, with its position, and with its age") func gone() async throws {
        try await withAgent { store, id in
            try await store.remember(Self.scratch(try store.snapshot(of: id)), of: id)
            try await store.discardState(of: id)
            #expect(try store.snapshot(of: id).keptScratch == nil)
            try await store.remember(Self.scratch(try store.snapshot(of: id)), of: id)
            #expect(try await store.forgetScratch(olderThan: 500, at: 1_500) == 0)
            #expect(try store.snapshot(of: id).scratch != nil)
            #expect(try await store.forgetScratch(olderThan: 500, at: 1_501) == 1)
            #expect(try store.snapshot(of: id).keptScratch == nil)
            try await store.remember(Self.scratch(try store.snapshot(of: id)), of: id)
            try await store.remove(id)
            try await store.enrol(Samples.agent("host"))
            #expect(try store.snapshot(of: id).keptScratch == nil)
        }
    }
}

@Suite("A request to go back") struct ReattestationTests {
    @Test("makes the state stale and a round due, shows what was known until a round meets it, and is an event")
    func request() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]))
            let before = try store.snapshot(of: id)
            #expect(before.isStateCurrent)
            #expect(try !store.isRoundDue(for: id))
            let generation = try store.readGeneration()
            try await store.requestReattestation(of: id, from: 7, at: 77)
            #expect(try store.readGeneration() == generation + 1)
            let asked = try store.snapshot(of: id)
            #expect(!asked.isStateCurrent && asked.reattestation?.firstRecord == 7)
            #expect(asked.verdict == before.verdict && asked.state == before.state)
            #expect(asked.appraisal == before.appraisal)
            #expect(try store.isRoundDue(for: id))
            #expect(try store.agents().first?.get().reattestation?.requestedAt == 77)
            #expect(try store.events(of: id).last?.kind == .reattestationRequested(from: 7))

            // A round that was under way rests on what was before.
            let progress = Samples.progress(Samples.appraisal(next: 20))
            #expect(
                try await store.commit(Samples.outcome(before, progress: progress))
                    == .conflict(.reattestationRequested))
            // One that fails leaves it to the next.
            _ = try await store.commit(Samples.outcome(asked, progress: nil, tier: .contraindicated))
            #expect(try store.snapshot(of: id).reattestation != nil)
            let failed = try store.snapshot(of: id)
            #expect(
                try await store.commit(Samples.outcome(failed, progress: progress)) == .committed(verdict: 3))
            let after = try store.snapshot(of: id)
            #expect(after.isStateCurrent && after.reattestation == nil && after.state?.nextRecord == 20)
            #expect(try !store.isRoundDue(for: id))
            await #expect(throws: StoreError.self) {
                try await store.requestReattestation(of: AgentID("nobody"), at: 0)
            }
        }
    }

    @Test("made twice is two: the second isn't met by a round that answers the first") func twice() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host")
            try await store.requestReattestation(of: id, at: 1)
            let first = try store.snapshot(of: id)
            try await store.requestReattestation(of: id, at: 1)
            let progress = Samples.progress(Samples.appraisal(next: 20))
            #expect(
                try await store.commit(Samples.outcome(first, progress: progress))
                    == .conflict(.reattestationRequested))
        }
    }

    @Test("is one of what makes a round due; so are another policy and another denied key, of those that have it")
    func due() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]))
            try await store.deny(Digest(repeating: 1, count: 32), at: 0)
            #expect(try !store.isRoundDue(for: id))
            try await store.deny(Samples.key(1).fingerprint, at: 0)
            #expect(try store.isRoundDue(for: id))
            try await store.attest("host", keyrings: Samples.keyrings([".ima": [1]]))
            #expect(try !store.isRoundDue(for: id))
            try await store.putPolicy("base", source: [1], compiled: [], at: 0)
            #expect(try !store.isRoundDue(for: id))
            try await store.assignPolicy("base", to: id)
            #expect(try store.isRoundDue(for: id))
            // An agent that has never come to a position is due when its policy is another.
            try await store.enrol(Samples.agent("new"))
            #expect(try !store.isRoundDue(for: AgentID("new")))
            let snapshot = try store.snapshot(of: AgentID("new"))
            _ = try await store.commit(Samples.outcome(snapshot, progress: nil, tier: .contraindicated))
            #expect(try !store.isRoundDue(for: AgentID("new")))
            try await store.assignPolicy("base", to: AgentID("new"))
            #expect(try store.isRoundDue(for: AgentID("new")))
        }
    }

    @Test("refuses damage") func damage() throws {
        try Hostile.refuseDamage(Reattestation(number: 1, firstRecord: 2, requestedAt: 3))
    }
}
