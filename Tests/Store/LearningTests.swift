import Appraisal
import AssayCrypto
import IMA
import Testing

@testable import Store

@Suite("A request for what an agent's log holds") struct LearningTests {
    private static let contents: LogContents = {
        var contents = LogContents()
        contents.add(Array("/usr/bin/a".utf8), [UInt8](repeating: 1, count: 32), to: .files)
        contents.add(1, of: .sha256)
        contents.add(template: Array("d|n".utf8))
        contents.add([0x2f, 0xff], [], to: .files)
        var counts = LogContents.Counts()
        (counts.files, counts.unsigned, counts.violations) = (3, 2, 1)
        contents.add(counts)
        return contents
    }()

    private static func answer(_ lesson: LearningAnswer.Lesson) -> LearningAnswer {
        LearningAnswer(
            lesson, resetCount: 5, appraisedRecords: 9, tier: .warning, policyHash: Digest(repeating: 3, count: 32),
            findings: Samples.findings(3), givenAt: 88)
    }

    @Test("makes a round due, is an event, and is over with its answer") func lifecycle() async throws {
        try await TemporaryStore.run { store in
            let id = try AgentID("host")
            try await store.attest("host")
            #expect(try !store.isRoundDue(for: id, at: 101))
            let generation = try store.readGeneration()
            let request = try await store.requestLearning(of: id, at: 100, lifetime: 10)
            #expect(try store.readGeneration() == generation + 1)
            #expect(try store.events(of: id).last?.kind == .learningRequested)
            #expect(try store.snapshot(of: id).learning == request)
            #expect(try store.isRoundDue(for: id, at: 109) && !store.isRoundDue(for: id, at: 110))
            // By a clock that was ahead when it was asked, nobody is asked.
            #expect(!request.isUnderWay(at: 0) && request.isUnderWay(at: 100))
            #expect(try store.answer(to: request, of: id) == nil)

            try await store.keep(Self.answer(.contents(Self.contents)), to: request, of: id)
            #expect(try store.answer(to: request, of: id) == Self.answer(.contents(Self.contents)))
            #expect(try store.snapshot(of: id).learning == nil && !store.isRoundDue(for: id, at: 101))
            #expect(try store.check().problems.isEmpty)

            let second = try await store.requestLearning(of: id, at: 101, lifetime: 10)
            #expect(second.number != request.number)
            #expect(try store.answer(to: request, of: id) == nil && store.snapshot(of: id).learning == second)
            // An answer to a request that is over is nobody's.
            try await store.keep(Self.answer(.unproved), to: request, of: id)
            #expect(try store.answer(to: second, of: id) == nil && store.answer(to: request, of: id) == nil)
            try await store.endLearning(of: id)
            try await store.keep(Self.answer(.unproved), to: second, of: id)
            #expect(try store.answer(to: second, of: id) == nil && store.snapshot(of: id).learning == nil)
        }
    }

    @Test("is refused for an agent that is unknown, or revoked, and where there are too many") func refused()
        async throws
    {
        try await TemporaryStore.run { store in
            for number in 0...LearningRequest.maximum { try await store.enrol(Samples.agent("host-\(number)")) }
            let nobody = await storeError { _ = try await store.requestLearning(of: AgentID("no"), at: 1, lifetime: 9) }
            #expect(nobody?.code == .notFound)
            let first = try AgentID("host-0")
            try await store.setRevocation(of: first, at: 1)
            let revoked = await storeError { _ = try await store.requestLearning(of: first, at: 1, lifetime: 9) }
            #expect(revoked?.code == .notFound && revoked?.detail.contains("revoked") == true)
            try await store.setRevocation(of: first, at: nil)
            for number in 1...LearningRequest.maximum {
                _ = try await store.requestLearning(of: AgentID("host-\(number)"), at: 1, lifetime: 9)
            }
            let tooMany = await storeError { _ = try await store.requestLearning(of: first, at: 1, lifetime: 9) }
            #expect(tooMany?.code == .inUse && tooMany?.remedy.contains("wait") == true)
            // One's own earlier request isn't in the way, and neither are those whose time is over.
            _ = try await store.requestLearning(of: AgentID("host-1"), at: 2, lifetime: 9)
            _ = try await store.requestLearning(of: first, at: 30, lifetime: 9)
        }
    }

    @Test("is forgotten a day after its time, and with its agent") func forgotten() async throws {
        try await TemporaryStore.run { store in
            let (kept, gone) = (try AgentID("host"), try AgentID("host1"))
            for id in [kept, gone] { try await store.enrol(Samples.agent(id.description)) }
            let request = try await store.requestLearning(of: kept, at: 100, lifetime: 10)
            try await store.keep(Self.answer(.tooLarge), to: request, of: kept)
            let other = try await store.requestLearning(of: gone, at: 100, lifetime: 10)
            try await store.keep(Self.answer(.unproved), to: other, of: gone)
            try await store.remove(gone)
            #expect(try store.answer(to: other, of: gone) == nil)
            try await store.forgetLearning(at: 110 + 86_400)
            #expect(try store.answer(to: request, of: kept) == Self.answer(.tooLarge))
            try await store.forgetLearning(at: 111 + 86_400)
            #expect(try store.answer(to: request, of: kept) == nil)
        }
    }

    @Test("has layouts that refuse each of their truncations, a byte more, and another layout") func hostile() throws {
        try Hostile.refuseDamage(LearningRequest(number: 1, requestedAt: 2, expiresAt: 3))
        for lesson in [.unproved, .tooLarge, .contents(Self.contents)] as [LearningAnswer.Lesson] {
            try Hostile.refuseDamage(Self.answer(lesson))
        }
        // Many entries come back as they were, in whichever order.
        var many = LogContents()
        for number in 0..<500 {
            let section = LogContents.Section.allCases[number % 3]
            let digest = [UInt8](repeating: UInt8(number % 7), count: 20 + number % 45)
            many.add(Array("/\(number)".utf8), digest, to: section)
        }
        let answer = Self.answer(.contents(many))
        #expect(try LearningAnswer(stored: answer.stored.span, at: .init()) == answer)
    }
}
