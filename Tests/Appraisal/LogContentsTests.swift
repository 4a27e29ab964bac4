import AssayCrypto
import IMA
import TestSupport
import Testing

@testable import Appraisal

@Suite("What a log holds that a policy can allow")
struct LogContentsTests {
    private func collecting(_ limit: Int = .max) -> AppraisalOptions {
        var options = AppraisalOptions()
        options.contentsLimit = limit
        return options
    }

    private func policy(of contents: LogContents?) -> [UInt8]? {
        contents.map {
            var draft = PolicyDraft()
            draft.allow($0)
            return draft.document.json
        }
    }

    private func policy(of log: [UInt8]) throws -> [UInt8] {
        var draft = PolicyDraft()
        try draft.allow(log: log)
        return draft.document.json
    }

    @Test(
        "is what a policy made of the log's file lists, byte by byte, up to the record that the quote covers",
        arguments: KernelRun.small)
    func sameAsOfFile(run: KernelRun) throws {
        let (log, points) = (try run.log, try run.points)
        var compared = 0
        for point in points where point.matchesAfterEntries.count == 1 {
            var options = collecting()
            options.format = try LogFormat.detect(log.span)
            // What no quoted PCR vouches for isn't learned: that is another test's matter.
            let outcome = appraise(log, policy: nil, options: options, quote: try run.quote(point), piece: 4099)
            guard let records = outcome.matchedRecord, outcome.findings.count(.wrongPCR) == 0 else { continue }
            var reader = RecordReader(log.span, format: options.format, firstRecord: 0)
            var end = 0
            for _ in 0..<records { end = try reader.next()?.range.upperBound ?? end }
            #expect(policy(of: outcome.contents) == (try policy(of: Array(log[..<end]))), "\(point.point)")
            compared += 1
        }
        #expect(compared > 0 || points.allSatisfy { $0.matchesAfterEntries.count != 1 })
    }

    @Test("doesn't hold what was measured behind the quote, and nothing at all without a match")
    func upToMatch() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        let quote = log.quote()
        let covered = log.bytes
        log.file("/b", "b")
        let outcome = appraise(log.bytes, policy: nil, options: collecting(), quote: quote)
        #expect(outcome.excess == 1)
        #expect(policy(of: outcome.contents) == (try policy(of: covered)))
        var other = LogBuilder()
        other.bootAggregate()
        other.file("/a", "forged")
        #expect(appraise(other.bytes, policy: nil, options: collecting(), quote: quote).contents == nil)
        #expect(appraise(covered, policy: nil, quote: quote).contents == nil)
    }

    @Test("doesn't hold records of a PCR that no quote covers")
    func uncovered() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        log.file("/b", "b", pcr: 20)
        log.file("/c", "c")
        let outcome = appraise(log.bytes, policy: nil, options: collecting(), quote: log.quote())
        let names = outcome.contents?.list(.files).map { String(decoding: $0.name, as: UTF8.self) }.sorted()
        #expect(names == ["/a", "/c", "boot_aggregate"])
        #expect(outcome.findings.count(.wrongPCR) == 1)
    }

    @Test("counts files without a signature, and violations")
    func counts() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        log.file("/a", "a")
        log.violation("/v")
        let counts = try #require(
            appraise(log.bytes, policy: nil, options: collecting(), quote: log.quote()).contents?.counts)
        #expect(counts.files == 2 && counts.unsigned == 2 && counts.violations == 1)
    }

    @Test("takes no more memory than it may, and says that it isn't whole")
    func bounded() throws {
        var log = LogBuilder()
        log.bootAggregate()
        for number in 0..<100 { log.file("/file-\(number)", "\(number)") }
        let options = collecting(1_000)
        let contents = try #require(
            appraise(log.bytes, policy: nil, options: options, quote: log.quote()).contents)
        #expect(!contents.isWhole && (1...10).contains(contents.count))
        // One name with many digests is no way round it.
        var one = LogContents(limit: 10_000)
        for number: UInt8 in 0..<255 { one.add([0x2f], [number, number], to: .files) }
        #expect(!one.isWhole && one.count < 255)
        // What is there already takes nothing.
        var same = LogContents(limit: 200)
        for _ in 0..<100 { same.add([0x2f], [1], to: .files) }
        #expect(same.isWhole && same.count == 1)
        var sum = LogContents()
        sum.add(one)
        #expect(!sum.isWhole)
    }
}
