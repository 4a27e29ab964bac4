import Appraisal
import AssayCrypto
import Bytes

/// A verdict of an agent's history, in short.
package struct PastVerdict: Hashable, Sendable {
    /// The verdict as it was given.
    package let verdict: Verdict
    /// The boot epoch that the quote told; nil if the round didn't meet its quote.
    package let resetCount: UInt32?

    /// Whether it says nothing that the one before it didn't say.
    func repeats(_ before: PastVerdict) -> Bool {
        verdict.tier == before.verdict.tier && verdict.policyHash == before.verdict.policyHash
            && resetCount == before.resetCount && Set(verdict.failures.keys) == Set(before.verdict.failures.keys)
            && Set(verdict.warnings.keys) == Set(before.verdict.warnings.keys)
    }
}

/// Up to 16 verdicts that follow each other, or those that thinning left of them: about 60 bytes each.
///
/// A page, not a verdict, is a value of the database, since a key and a policy's hash for each would double its size.
struct HistoryPage: StoredValue {
    static let layout: UInt8 = 1
    /// Verdicts in one page, at most: verdict n is in page n / 16.
    static let length: UInt64 = 16

    var verdicts: [PastVerdict]

    init(_ verdicts: [PastVerdict]) {
        self.verdicts = verdicts
    }

    static func number(of verdict: UInt64) -> UInt64 { verdict / length }

    init(reading reader: inout ByteReader) throws {
        let policies = try reader.list { try $0.optional { try $0.digest() } }
        let first: UInt64 = try reader.integer()
        verdicts = try reader.list { reader in
            let step = try reader.u8()
            let policy = Int(try reader.u8())
            guard policies.indices.contains(policy) else { throw DamagedValue("policy \(policy) of \(policies.count)") }
            let tier: Tier = try reader.word()
            let challengedAt = try reader.time()
            let givenAt = try reader.time()
            let appraised: UInt64 = try reader.integer()
            let excess: UInt64 = try reader.integer()
            let resetCount = try reader.optional { try $0.integer(UInt32.self) }
            var verdict = Verdict(
                tier: tier, challengedAt: challengedAt, givenAt: givenAt, policyHash: policies[policy],
                appraisedRecords: appraised, excessRecords: excess, failures: try reader.shortCounts(),
                warnings: try reader.shortCounts())
            verdict.number = first &+ UInt64(step)
            return PastVerdict(verdict: verdict, resetCount: resetCount)
        }
    }

    func write(to writer: inout ByteWriter) {
        var policies: [Digest?] = []
        for entry in verdicts where !policies.contains(entry.verdict.policyHash) {
            policies.append(entry.verdict.policyHash)
        }
        let first = verdicts.first?.verdict.number ?? 0
        writer.list(policies) { $0.optional($1) { $0.digest($1) } }
        writer.integer(first)
        writer.list(verdicts) { writer, entry in
            let verdict = entry.verdict
            writer.u8(UInt8(clamping: verdict.number &- first))
            writer.u8(UInt8(clamping: policies.firstIndex(of: verdict.policyHash) ?? 0))
            writer.word(verdict.tier)
            writer.time(verdict.challengedAt)
            writer.time(verdict.givenAt)
            writer.integer(verdict.appraisedRecords)
            writer.integer(verdict.excessRecords)
            writer.optional(entry.resetCount) { $0.integer($1) }
            writer.shortCounts(verdict.failures)
            writer.shortCounts(verdict.warnings)
        }
    }
}

extension ByteReader {
    /// Reads counts by reason behind a count of one byte: the list of reasons is closed and short.
    fileprivate mutating func shortCounts() throws -> [Reason: UInt64] {
        let count = Int(try u8())
        var counts: [Reason: UInt64] = [:]
        for _ in 0..<count { counts[try word(Reason.self)] = try integer(UInt64.self) }
        guard counts.count == count else { throw DamagedValue("a reason is counted twice") }
        return counts
    }
}

extension ByteWriter {
    fileprivate mutating func shortCounts(_ counts: [Reason: UInt64]) {
        u8(UInt8(clamping: counts.count))
        for (reason, count) in counts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            word(reason)
            integer(count)
        }
    }
}
