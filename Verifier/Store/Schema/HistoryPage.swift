import Appraisal
import AssayCrypto
import Bytes

/// A verdict of an agent's history, in short.
package struct PastVerdict: Hashable, Sendable {
    /// The verdict as it was given.
    package internal(set) var verdict: Verdict
    /// The boot epoch that the quote told; nil if the round didn't meet its quote.
    package let resetCount: UInt32?

    /// Whether it says nothing that the one before it didn't say.
    func repeats(_ before: PastVerdict) -> Bool {
        verdict.tier == before.verdict.tier && verdict.policyHash == before.verdict.policyHash
            && resetCount == before.resetCount && Set(verdict.failures.keys) == Set(before.verdict.failures.keys)
            && Set(verdict.warnings.keys) == Set(before.verdict.warnings.keys)
    }
}

/// Up to 16 verdicts that follow each other, or those that thinning left of them: about 15 bytes each.
///
/// A page, not a verdict, is a value of the database, since a key and a policy's hash for each would double its size. For
/// the same reason numbers are of variable length, and times are told by what they differ from those before.
struct HistoryPage: StoredValue {
    static let layout: UInt8 = 2
    static let oldestLayout: UInt8 = 1
    /// Verdicts in one page, at most: verdict n is in page n / 16.
    static let length: UInt64 = 16
    /// A tier is stored as its place in this list.
    private static let tiers: [Tier] = [.affirming, .warning, .contraindicated, .none]

    var verdicts: [PastVerdict]

    init(_ verdicts: [PastVerdict]) {
        self.verdicts = verdicts
    }

    static func number(of verdict: UInt64) -> UInt64 { verdict / length }

    init(reading reader: inout ByteReader) throws { try self.init(reading: &reader, layout: Self.layout) }

    init(reading reader: inout ByteReader, layout: UInt8) throws {
        let policies = try reader.list { try $0.optional { try $0.digest() } }
        let first: UInt64 = try reader.integer()
        var time: Int64 = 0
        verdicts = try reader.list { reader in
            let step = try reader.u8()
            let policy = Int(try reader.u8())
            guard policies.indices.contains(policy) else { throw DamagedValue("policy \(policy) of \(policies.count)") }
            var entry =
                layout == 1
                ? try Self.wideEntry(&reader, policies[policy]) : try Self.entry(&reader, policies[policy], after: time)
            entry.verdict.number = first &+ UInt64(step)
            time = entry.verdict.challengedAt
            return entry
        }
    }

    /// An entry of layout 1, whose numbers have their full width.
    private static func wideEntry(_ reader: inout ByteReader, _ policyHash: Digest?) throws -> PastVerdict {
        let tier: Tier = try reader.word()
        let challengedAt = try reader.time()
        let givenAt = try reader.time()
        let appraised: UInt64 = try reader.integer()
        let excess: UInt64 = try reader.integer()
        let resetCount = try reader.optional { try $0.integer(UInt32.self) }
        return PastVerdict(
            verdict: Verdict(
                tier: tier, challengedAt: challengedAt, givenAt: givenAt, policyHash: policyHash,
                appraisedRecords: appraised, excessRecords: excess, failures: try reader.shortCounts(),
                warnings: try reader.shortCounts()), resetCount: resetCount)
    }

    private static func entry(
        _ reader: inout ByteReader, _ policyHash: Digest?, after time: Int64
    ) throws -> PastVerdict {
        let tier = Int(try reader.u8())
        guard tiers.indices.contains(tier) else { throw DamagedValue("tier \(tier) of \(tiers.count)") }
        let challengedAt = time &+ (try reader.variableDifference())
        let givenAt = challengedAt &+ (try reader.variableDifference())
        let appraised = try reader.variable()
        let excess = try reader.variable()
        let resetCount = try reader.optional { try $0.integer(UInt32.self) }
        return PastVerdict(
            verdict: Verdict(
                tier: tiers[tier], challengedAt: challengedAt, givenAt: givenAt, policyHash: policyHash,
                appraisedRecords: appraised, excessRecords: excess, failures: try reader.shortCounts(),
                warnings: try reader.shortCounts()), resetCount: resetCount)
    }

    func write(to writer: inout ByteWriter) {
        var policies: [Digest?] = []
        for entry in verdicts where !policies.contains(entry.verdict.policyHash) {
            policies.append(entry.verdict.policyHash)
        }
        let first = verdicts.first?.verdict.number ?? 0
        var time: Int64 = 0
        writer.list(policies) { $0.optional($1) { $0.digest($1) } }
        writer.integer(first)
        writer.list(verdicts) { writer, entry in
            let verdict = entry.verdict
            writer.u8(UInt8(clamping: verdict.number &- first))
            writer.u8(UInt8(clamping: policies.firstIndex(of: verdict.policyHash) ?? 0))
            writer.u8(UInt8(clamping: Self.tiers.firstIndex(of: verdict.tier) ?? Self.tiers.count))
            writer.variableDifference(verdict.challengedAt &- time)
            writer.variableDifference(verdict.givenAt &- verdict.challengedAt)
            writer.variable(verdict.appraisedRecords)
            writer.variable(verdict.excessRecords)
            writer.optional(entry.resetCount) { $0.integer($1) }
            writer.shortCounts(verdict.failures)
            writer.shortCounts(verdict.warnings)
            time = verdict.challengedAt
        }
    }
}

// Numbers of variable length: seven bits a byte, the lowest first, the top bit set where another byte follows.

extension ByteReader {
    fileprivate mutating func variable() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = UInt64(try u8())
            guard shift < 63 || byte < 2 else { break }
            value |= (byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw DamagedValue("a number of over 64 bits")
    }

    /// A signed number, small ones of either sign in few bytes.
    fileprivate mutating func variableDifference() throws -> Int64 {
        let value = try variable()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
}

extension ByteWriter {
    fileprivate mutating func variable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            u8(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        u8(UInt8(truncatingIfNeeded: rest))
    }

    fileprivate mutating func variableDifference(_ value: Int64) {
        variable(UInt64(bitPattern: value << 1 ^ value >> 63))
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
