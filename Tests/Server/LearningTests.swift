import Appraisal
import AssayCrypto
import IMA
import Messages
import TPM
import TestSupport
import Testing

@testable import Server
@testable import Store

@Suite("A round that is asked what the log holds") struct LearningTests {
    private let request = LearningRequest(number: 7, requestedAt: 900, expiresAt: 2_000)

    private func policy(_ body: (inout PolicyDraft) throws -> Void) rethrows -> [UInt8] {
        var draft = PolicyDraft()
        try body(&draft)
        return draft.document.json
    }

    @Test("begins at record 0, and tells it all; the next one goes on as ever") func whole() throws {
        let bench = try Bench(measured: "a", "b", "c")
        _ = try bench.attest(records: 1)
        #expect(bench.outcome?.contents == nil && bench.outcome?.learning == nil)
        bench.learning = request
        bench.mayResume = false
        let trace = try bench.attest(records: 1)
        #expect(trace.first == "send Challenge 1 from 0")
        let contents = try #require(bench.outcome?.contents)
        #expect(bench.outcome?.learning == request && bench.outcome?.lesson == .contents(contents))
        let log = try bench.host.records(0..<UInt64(bench.host.log.count))
        #expect(try policy { $0.allow(contents) } == policy { try $0.allow(log: log) })
        bench.learning = nil
        bench.mayResume = true
        bench.host.measure("d")
        #expect(try bench.attest().first == "send Challenge 1 from 4")
        #expect(bench.outcome?.contents == nil)
    }

    @Test("tells also of a host without a policy, and of records that the policy refuses") func unjudged() throws {
        let bench = try Bench(measured: "a", "evil")
        bench.learning = request
        bench.policy = nil
        _ = try bench.attest()
        #expect(bench.outcome?.policyHash == nil && bench.outcome?.contents?.list(.files).count == 3)
        bench.policy = try Bench.policy(allowing: "a")
        bench.attestation = nil
        _ = try bench.attest()
        #expect(bench.outcome?.tier == .contraindicated && bench.outcome?.contents?.list(.files).count == 3)
    }

    @Test("tells nothing of a log that doesn't lead to the quote") func unproved() throws {
        let bench = try Bench(measured: "a", "b")
        bench.learning = request
        var other = LogBuilder()
        other.bootAggregate()
        other.file("/a", "other")
        bench.host.quoted = other.values(Array(0...10))
        _ = try bench.attest()
        #expect(bench.outcome?.learning == request && bench.outcome?.lesson == .unproved)
        #expect(bench.outcome?.findings.failures.keys.contains(.pcrMismatch) == true)
    }

    @Test("tells that the log holds too much, and judges it all the same") func tooLarge() throws {
        var settings = SessionSettings()
        settings.contentsBytes = 300
        let bench = try Bench(measured: "a", "b", "c", "d", "e", settings: settings)
        bench.learning = request
        _ = try bench.attest()
        #expect(bench.outcome?.tier == .affirming && bench.outcome?.lesson == .tooLarge)
    }
}
