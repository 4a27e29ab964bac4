import Appraisal
import AssayCrypto
import Bytes
import Testing

@testable import Store

@Suite("A page of the history") struct HistoryPageTests {
    private static func past(
        _ number: UInt64, _ tier: Tier, _ challengedAt: Int64, _ givenAt: Int64, _ records: UInt64,
        _ policy: UInt8?, _ resetCount: UInt32?, failures: [Reason: UInt64] = [:]
    ) -> PastVerdict {
        var verdict = Verdict(
            tier: tier, challengedAt: challengedAt, givenAt: givenAt,
            policyHash: policy.map { Digest(repeating: $0, count: 32) }, appraisedRecords: records,
            excessRecords: records / 2, failures: failures, warnings: [.violation: 3])
        verdict.number = number
        return PastVerdict(verdict: verdict, resetCount: resetCount)
    }

    private static let verdicts = [
        past(32, .affirming, 1_800_000_000, 1_800_000_001, 127, nil, 7),
        past(33, .warning, 1_700_000_000, 1_699_999_999, 128, 1, nil),
        past(40, .contraindicated, .max, .min, .max, 2, .max, failures: [.notInPolicy: .max, .badSignature: 1]),
        past(47, .none, .min, .max, 0, 1, 0),
    ]

    @Test("reads back whatever it holds: clocks that go back, the largest numbers, other policies") func roundTrip()
        throws
    {
        let page = HistoryPage(Self.verdicts)
        #expect(try HistoryPage(stored: page.stored.span, at: .init()).verdicts == Self.verdicts)
        let regular = (0..<16).map { Self.past($0, .affirming, 1_800_000_000 + Int64($0) * 60, 1_800_000_001, 9, 1, 2) }
        #expect(try HistoryPage(stored: HistoryPage(regular).stored.span, at: .init()).verdicts == regular)
    }

    @Test("of the first layout is read, too") func firstLayout() throws {
        var writer = ByteWriter()
        writer.u8(1)
        writer.list([Digest?.none, Digest(repeating: 1, count: 32), Digest(repeating: 2, count: 32)]) {
            $0.optional($1) { $0.digest($1) }
        }
        writer.integer(UInt64(32))
        writer.list(Self.verdicts) { writer, entry in
            let verdict = entry.verdict
            writer.u8(UInt8(verdict.number - 32))
            writer.u8(verdict.policyHash?.bytes.first ?? 0)
            writer.word(verdict.tier)
            writer.time(verdict.challengedAt)
            writer.time(verdict.givenAt)
            writer.integer(verdict.appraisedRecords)
            writer.integer(verdict.excessRecords)
            writer.optional(entry.resetCount) { $0.integer($1) }
            for counts in [verdict.failures, verdict.warnings] {
                writer.u8(UInt8(counts.count))
                for (reason, count) in counts {
                    writer.word(reason)
                    writer.integer(count)
                }
            }
        }
        #expect(try HistoryPage(stored: writer.bytes.span, at: .init()).verdicts == Self.verdicts)
    }

    @Test("that is cut or changed anywhere is read as something or refused, and never traps") func damaged() {
        let bytes = HistoryPage(Self.verdicts).stored
        for count in bytes.indices {
            #expect(throws: StoreError.self) { try HistoryPage(stored: Array(bytes[..<count]).span, at: .init()) }
        }
        for index in bytes.indices {
            for byte: UInt8 in [0, 0x7f, 0x80, 0xff] {
                var changed = bytes
                changed[index] = byte
                _ = try? HistoryPage(stored: changed.span, at: .init())
            }
        }
    }
}
