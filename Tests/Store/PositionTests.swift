import Appraisal
import AssayCrypto
import Testing

@testable import Store

@Suite("Positions to go back to") struct PositionTests {
    /// An agent of whose log 100 records led to a quote, by way of others; record 5 brought a key, record 45 another.
    private func withAgent(
        passed: [UInt64] = [20, 40, 60], _ body: (Store, AgentID) async throws -> Void
    ) async throws {
        try await TemporaryStore.run { store in
            try await store.enrol(Samples.agent("host"))
            let id = try AgentID("host")
            try await commit(store, id, next: 100, passed: passed)
            try await body(store, id)
        }
    }

    private func state(_ next: UInt64, keys: [Int] = [5, 45], findings: Findings = Findings()) -> AppraisalState {
        Samples.appraisal(
            next: next, keyrings: Samples.keyrings([".ima": keys.filter { $0 < next }]), findings: findings)
    }

    private func commit(
        _ store: Store, _ id: AgentID, next: UInt64, passed: [UInt64] = [], keys: [Int] = [5, 45],
        resetCount: UInt32 = 7
    ) async throws {
        var progress = Samples.progress(state(next, keys: keys), resetCount: resetCount)
        progress.passed = passed.map { state($0, keys: keys, findings: Samples.findings(Int($0) / 20)) }
        let result = try await store.commit(Samples.outcome(try store.snapshot(of: id), progress: progress))
        #expect(result == .committed(verdict: try store.snapshot(of: id).verdict?.number ?? 0))
    }

    /// Where an appraisal begins that is asked to go back to a record.
    private func first(_ store: Store, _ id: AgentID, from record: UInt64) async throws -> UInt64 {
        let first = try await store.requestReattestation(of: id, from: record, at: 0)
        #expect(try store.snapshot(of: id).position?.appraisal.nextRecord ?? 0 == first)
        return first
    }

    private func count(_ store: Store) throws -> Int {
        try store.environment.read { (transaction) throws(StoreError) in
            try transaction.count(of: store.schema.positions)
        }
    }

    @Test("the last one up to the record is it, with keys and findings as they were then")
    func found() async throws {
        try await withAgent { store, id in
            for (record, expected): (UInt64, UInt64) in [(0, 0), (19, 0), (39, 20), (40, 40), (79, 60), (99, 60)] {
                #expect(try await first(store, id, from: record) == expected, "record \(record)")
            }
            _ = try await first(store, id, from: 41)
            let position = try #require(try store.snapshot(of: id).position)
            var expected = state(40, findings: Samples.findings(2))
            // A later quote must still cover all that was ever received.
            expected.recordsReceived = 103
            #expect(position.appraisal == expected)
            #expect(position.appraisal.keyrings.keyrings[Array(".ima".utf8)]?.map(\.record) == [5])
        }
    }

    @Test("only where an operator asks for it") func unasked() async throws {
        try await withAgent { store, id in
            #expect(try store.snapshot(of: id).position == nil)
            _ = try await store.requestReattestation(of: id, at: 0)
            #expect(try store.snapshot(of: id).position == nil)
        }
    }

    @Test("few are kept, far from each other, and the newest") func spacing() {
        var kept: [UInt64] = []
        for record in stride(from: UInt64(1), through: 1000, by: 1) {
            kept.append(record)
            PositionSpacing.thin(&kept) { $0 }
            #expect(kept.count <= PositionSpacing.limit && kept.last == record)
            let gaps = zip(kept, [0] + kept).map { $0 - $1 }
            #expect(gaps.max() ?? 0 <= record / 2 + 1, "\(kept)")
        }
    }

    @Test("a log that grows by a little writes none, one that has grown by a sixteenth one")
    func growth() async throws {
        try await withAgent(passed: []) { store, id in
            #expect(try count(store) == 1)
            try await commit(store, id, next: 104)
            #expect(try count(store) == 1)
            try await commit(store, id, next: 120)
            #expect(try count(store) == 2)
            for next in stride(from: UInt64(140), through: 2000, by: 20) {
                try await commit(store, id, next: next)
                #expect(try count(store) <= PositionSpacing.limit)
            }
        }
    }

    /// What ends the judgement that a position rests on.
    enum Change: CaseIterable {
        case policy, ownKeyDenied, attestationKey, boot, keysGone, discarded, tooMuchFound
    }

    @Test("none stands whose judgement doesn't", arguments: Change.allCases) func stale(_ change: Change) async throws {
        try await withAgent { store, id in
            switch change {
            case .policy:
                try await store.putPolicy("base", source: [1], compiled: [], at: 0)
                try await store.assignPolicy("base", to: id)
            case .ownKeyDenied: try await store.deny(Samples.key(5).fingerprint, at: 0)
            case .attestationKey:
                var agent = try store.agent(id)
                agent.attestationKeyName = [1]
                try await store.enrol(agent, replacing: true)
            case .boot: try await commit(store, id, next: 50, resetCount: 8)
            case .keysGone: try await commit(store, id, next: 110, keys: [105])
            case .discarded: try await store.discardState(of: id)
            case .tooMuchFound:
                try await commit(store, id, next: 50, resetCount: 8)
                var progress = Samples.progress(state(60), resetCount: 8)
                progress.passed = [state(40, findings: Samples.findings(200))]
                _ = try await store.commit(Samples.outcome(try store.snapshot(of: id), progress: progress))
            }
            if try store.snapshot(of: id).state == nil {
                let error = await #expect(throws: StoreError.self) { try await first(store, id, from: 45) }
                #expect(error?.code == .invalidArgument && error?.detail.contains("no record of its log") == true)
                #expect(try store.snapshot(of: id).reattestation == nil)
            } else {
                #expect(try await first(store, id, from: 45) == 0)
            }
        }
    }

    @Test("a record beyond those that are appraised is none to go back to, and nothing is kept") func beyond()
        async throws
    {
        try await withAgent { store, id in
            for record in [100, 1000, .max] as [UInt64] {
                let error = await #expect(throws: StoreError.self) { try await first(store, id, from: record) }
                #expect(error?.code == .invalidArgument && error?.detail.contains("records 0 to 99") == true)
            }
            let kept = try store.snapshot(of: id).reattestation
            #expect(kept == nil)
        }
    }

    @Test("another agent's key that is denied ends nothing") func otherKey() async throws {
        try await withAgent { store, id in
            try await store.deny(Samples.key(77).fingerprint, at: 0)
            #expect(try await first(store, id, from: 45) == 40)
        }
    }

    @Test("one that is damaged has an appraisal begin earlier") func damaged() async throws {
        try await withAgent { store, id in
            let schema = store.schema
            let key = schema.numberedKey(40, of: id)
            try await store.change { (_, _, changes) throws(StoreError) in
                changes.put(key, [1, 2, 3], in: schema.positions)
            }
            #expect(try await first(store, id, from: 45) == 20)
            #expect(try store.check().problems.count == 1)
            // The next commit that has anything to keep clears it away.
            try await commit(store, id, next: 200)
            #expect(try store.check().problems.isEmpty)
        }
    }

    @Test("refuses damage") func hostile() throws {
        let state = AttestationState(
            verdictNumber: 1, attestationKeyName: [1, 2], clockInfo: Samples.progress(state(1)).clockInfo,
            selection: Samples.progress(state(1)).selection, policyHash: nil, denyGeneration: 2, challengedAt: 3,
            committedAt: 4, nextRecord: 5, recordsReceived: 6, fileRecords: 7, lanes: state(1).lanes,
            unusableKeys: [], keyCount: 1, logBytes: 8)
        try Hostile.refuseDamage(Position(state: state, findings: Samples.findings(2)))
    }

    @Test("under the key of another one is found by a check") func misplaced() async throws {
        try await withAgent { store, id in
            let schema = store.schema
            let value = try store.environment.read { (transaction) throws(StoreError) in
                try transaction.bytes(of: schema.numberedKey(40, of: id), in: schema.positions)
            }
            let moved = try #require(value)
            try await store.change { (_, _, changes) throws(StoreError) in
                changes.put(schema.numberedKey(41, of: id), moved, in: schema.positions)
            }
            #expect(try store.check().problems.map(\.detail) == ["the value of another position"])
            try await store.discardState(of: id)
        }
    }

    @Test("goes with its agent") func removed() async throws {
        try await withAgent { store, id in
            try await store.remove(id)
            #expect(try count(store) == 0)
        }
    }
}
