package import Appraisal
package import AssayCrypto
import Bytes

/// A verdict in short: what a listing shows. Its findings in full are kept beside it.
package struct Verdict: Hashable, Sendable {
    /// 1 for an agent's first verdict, and one more for each that follows; the store counts.
    package internal(set) var number: UInt64 = 0
    /// The tier at the time; freshness is the reader's to judge, by `challengedAt`.
    package var tier: Tier
    /// When the Challenge was sent that this answers, in seconds since 1970.
    package var challengedAt: Int64
    /// When it was given, in seconds since 1970.
    package var givenAt: Int64
    /// SHA-256 of the policy's source; nil if there was no policy.
    package var policyHash: Digest?
    /// Records of the epoch that the quote vouched for: the number of the first one that it didn't.
    package var appraisedRecords: UInt64
    /// Records that were received behind them.
    package var excessRecords: UInt64
    /// All failures, by reason.
    package var failures: [Reason: UInt64]
    /// All warnings, by reason.
    package var warnings: [Reason: UInt64]

    /// Failures and warnings by reason.
    package var byReason: [Reason: UInt64] { failures.merging(warnings) { $0 &+ $1 } }

    /// A verdict that the store has not numbered yet.
    package init(
        tier: Tier, challengedAt: Int64, givenAt: Int64, policyHash: Digest?, appraisedRecords: UInt64,
        excessRecords: UInt64, failures: [Reason: UInt64], warnings: [Reason: UInt64]
    ) {
        self.tier = tier
        self.challengedAt = challengedAt
        self.givenAt = givenAt
        self.policyHash = policyHash
        self.appraisedRecords = appraisedRecords
        self.excessRecords = excessRecords
        self.failures = failures
        self.warnings = warnings
    }
}

extension Verdict: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        number = try reader.integer()
        tier = try reader.word()
        challengedAt = try reader.time()
        givenAt = try reader.time()
        policyHash = try reader.optional { try $0.digest() }
        appraisedRecords = try reader.integer()
        excessRecords = try reader.integer()
        failures = try reader.counts()
        warnings = try reader.counts()
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(number)
        writer.word(tier)
        writer.time(challengedAt)
        writer.time(givenAt)
        writer.optional(policyHash) { $0.digest($1) }
        writer.integer(appraisedRecords)
        writer.integer(excessRecords)
        writer.counts(failures)
        writer.counts(warnings)
    }
}

extension ByteReader {
    /// Reads counts by reason.
    mutating func counts() throws -> [Reason: UInt64] {
        let pairs = try list { (reason: try $0.word(Reason.self), count: try $0.integer(UInt64.self)) }
        var counts: [Reason: UInt64] = [:]
        for pair in pairs { counts[pair.reason] = pair.count }
        guard counts.count == pairs.count else { throw DamagedValue("a reason is counted twice") }
        return counts
    }
}

extension ByteWriter {
    /// Writes counts by reason, in the order of the words, so that equal counts are equal bytes.
    mutating func counts(_ counts: [Reason: UInt64]) {
        list(counts.sorted { $0.key.rawValue < $1.key.rawValue }) { writer, pair in
            writer.word(pair.key)
            writer.integer(pair.value)
        }
    }
}
