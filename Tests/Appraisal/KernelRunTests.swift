import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport
import Testing

@testable import Appraisal

@Suite("Logs of real kernels")
struct KernelRunTests {
    @Test("Each quote meets its log where it must, and nothing fails", arguments: KernelRun.small)
    func points(run: KernelRun) throws {
        let log = try run.log
        let policy = try run.policy()
        let entries = try run.entries
        let points = try run.points
        #expect(!points.isEmpty)
        for point in points {
            let quote = try run.quote(point)
            let outcome = appraise(log, policy: policy, quote: quote, piece: 4096)
            let expected = point.matchesAfterEntries.first
            #expect(outcome.matchedRecord == expected, "\(point.point)")
            let judged = entries.prefix(Int(expected ?? 0))
            let coversAll = judged.allSatisfy { quote.pcrs.contains(Int($0.pcr)) }
            #expect(outcome.passes == coversAll, "\(point.point) \(outcome.findings.kept.prefix(5))")
            if !coversAll { #expect(outcome.reasons == ["wrong_pcr"]) }
            if coversAll { check(outcome, judged) }
        }
    }

    @Test("A log of 120,000 records, in shards")
    func large() throws {
        let run = KernelRun.large
        let log = try run.log
        let policy = try run.policy()
        let entries = try run.entries
        let point = try #require(try run.points.first { $0.point == "pr3-race" })
        let outcome = appraise(log, policy: policy, quote: try run.quote(point), piece: 1 << 20)
        #expect(outcome.tier == .affirming, "\(outcome.findings.kept.prefix(5))")
        #expect(outcome.matchedRecord == 120_479)
        check(outcome, entries[...])
        let ahead = try #require(try run.points.first { $0.point == "p99-final" })
        var unquotable = Appraiser(policy: nil, quote: try run.quote(ahead))
        #expect(unquotable.appraise(log.span) == log.count)
        #expect(unquotable.finish().reasons == ["pcr_mismatch"])
    }

    @Test("One round for each quote comes to what one round for all of them does", arguments: KernelRun.small)
    func incremental(run: KernelRun) throws {
        let log = try run.log
        let policy = try run.policy()
        let points = try run.points.filter { $0.matchesAfterEntries.count == 1 }
        let quotes = try points.map { try run.quote($0) }.filter {
            $0.values.banks == [.sha256] && $0.values.all.count < 12
        }
        var state = AppraisalState()
        for quote in quotes where quote.pcrs.contains(10) && !quote.pcrs.contains(11) {
            let rest = try records(log, Int(state.nextRecord)..<recordCount(log))
            // Each round sends only what its quote covers, so that the next one's quote makes progress.
            let probe = appraise(rest, policy: policy, state: state, quote: quote)
            let covered = try records(log, Int(state.nextRecord)..<Int(probe.nextRecord))
            let outcome = appraise(covered, policy: policy, state: state, quote: quote)
            #expect(outcome.passes, "\(outcome.findings.kept)")
            state = try #require(outcome.newState)
        }
        let last = try #require(quotes.last { !$0.pcrs.contains(11) })
        let whole = try #require(appraise(log, policy: policy, quote: last).newState)
        #expect(whole.nextRecord == state.nextRecord && whole.lanes == state.lanes && whole.findings == state.findings)
        #expect(whole.keyrings.idsByName == state.keyrings.idsByName && whole.fileRecords == state.fileRecords)
    }

    private func check(_ outcome: AppraisalOutcome, _ entries: ArraySlice<KernelRun.Entry>) {
        // Their signatures aren't in a `sig` field.
        let signed = entries.filter { $0.template != "evm-sig" }
        func count(_ prefixes: String...) -> UInt64 {
            UInt64(signed.filter { entry in prefixes.contains { entry.result.hasPrefix($0) } }.count)
        }
        // The outside replay doesn't look at appended signatures; of those that the kernels measured all are good.
        let appended = entries.filter { $0.template == "ima-modsig" && $0.result == "unsigned" }
        #expect(outcome.signatures.verified == count("good") + UInt64(appended.count))
        #expect(outcome.signatures.failed == count("BAD", "malformed"))
        #expect(outcome.signatures.unknownKey == count("unknown key id"))
        #expect(outcome.violations == count("violation"))
        var learned: [String: [String]] = [:]
        for entry in entries where entry.result.hasPrefix("learn:") {
            guard let id = entry.result.split(separator: " ").last else { continue }
            learned[entry.name, default: []].append(String(id))
        }
        #expect(outcome.keyrings.idsByName == learned)
    }

    private func recordCount(_ log: [UInt8]) throws -> Int {
        var reader = RecordReader(log.span, format: LogFormat())
        while try reader.next() != nil {}
        return Int(reader.nextRecord)
    }
}
