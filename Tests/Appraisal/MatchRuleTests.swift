import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport
import Testing

@testable import Appraisal

@Suite("Rules for the match")
struct MatchRuleTests {
    private let policy: Policy

    init() throws {
        policy = try Policy(json: source(digests: listed(["/a": "a", "/b": "b"])))
    }

    @Test("The PCR is compared before the first record")
    func beforeFirst() throws {
        var log = LogBuilder()
        let start = log.quote()
        log.file("/x", "x")
        let outcome = appraise(log.bytes, policy: policy, quote: start)
        #expect(outcome.matchedRecord == 0 && outcome.excess == 1)
        // A quote that vouches for no record never reads as affirming.
        #expect(outcome.tier == .warning && outcome.findings.warnings == [.nothingMeasured: 1])
        #expect(outcome.newState?.recordsReceived == 1)
    }

    @Test("The first match counts, and records behind it are excess: not judged, but delimited")
    func excess() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let quote = log.quote()
        log.file("/unlisted", "x")
        log.violation("/v")
        let outcome = appraise(log.bytes, policy: policy, quote: quote)
        #expect(outcome.matchedRecord == 1 && outcome.nextRecord == 1 && outcome.excess == 2)
        #expect(outcome.tier == .affirming && outcome.violations == 0)
        let cut = appraise(Array(log.bytes.dropLast()), policy: policy, quote: quote)
        #expect(cut.matchedRecord == 1 && cut.reasons == ["parse_error"])
        #expect(cut.newState?.findings.isEmpty == true)
    }

    @Test("No match: pcr_mismatch, with the findings before, and nothing to commit")
    func mismatch() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/unlisted", "x")
        var other = log
        other.file("/a", "a")
        let outcome = appraise(log.bytes, policy: policy, quote: other.quote())
        #expect(outcome.reasons == ["pcr_mismatch", "not_in_policy"])
        #expect(outcome.newState == nil && outcome.matchedRecord == nil && outcome.nextRecord == 0)
    }

    @Test("All quoted banks must match at the same record")
    func banks() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let early = log.quote(banks: [.sha1])
        log.file("/a", "a")
        let both = appraise(log.bytes, policy: policy, quote: log.quote(banks: [.sha1, .sha256]))
        #expect(both.matchedRecord == 2 && both.tier == .affirming)
        var mixed = log.quote(banks: [.sha256]).values
        mixed[.sha1, 10] = early.values[.sha1, 10]
        #expect(appraise(log.bytes, policy: policy, quote: QuotedPCRs(mixed)).reasons == ["pcr_mismatch"])
    }

    @Test("A quoted PCR that a record names must match too, also one named behind the match")
    func namedBehindTheMatch() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        log.file("/b", "b")
        log.file("/a", "a", pcr: 11)
        let quote = log.quote([10, 11])
        let outcome = appraise(log.bytes, policy: policy, quote: quote)
        #expect(outcome.matchedRecord == 4 && outcome.tier == .affirming)
        #expect(outcome.newState?.lanes.count == 2)
        log.file("/unlisted", "x", pcr: 11)
        #expect(appraise(log.bytes, policy: policy, quote: quote).matchedRecord == 4)
        let later = appraise(log.bytes, policy: policy, quote: log.quote([10, 11]))
        #expect(later.matchedRecord == 5 && later.reasons == ["not_in_policy"])
        // PCR 11 as it was before the records: the match at record 3 stands.
        var before = log.quote([10]).values
        before[.sha256, 11] = Digest(repeating: 0, count: 32)
        #expect(appraise(log.bytes, policy: policy, quote: QuotedPCRs(before)).matchedRecord == 3)
        // A value of PCR 11 that no record leads to.
        before[.sha256, 11] = Digest(repeating: 7, count: 32)
        #expect(appraise(log.bytes, policy: policy, quote: QuotedPCRs(before)).reasons.contains("pcr_mismatch"))
    }

    @Test("A quoted PCR that no record names is not replayed")
    func unnamedPCR() throws {
        var log = LogBuilder()
        log.bootAggregate()
        var values = log.quote().values
        values[.sha256, 11] = Digest(repeating: 7, count: 32)
        #expect(appraise(log.bytes, policy: policy, quote: QuotedPCRs(values)).tier == .affirming)
    }

    @Test("IMA's PCR must be quoted")
    func notQuoted() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote([0, 11]))
        #expect(outcome.reasons.contains("pcr_selection_mismatch") && outcome.newState == nil)
    }

    @Test("A later quote must cover every record received before")
    func noProgress() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let first = log.quote()
        log.file("/a", "a")
        let second = log.quote()
        log.file("/b", "b")
        let state = try #require(appraise(log.bytes, policy: policy, quote: first).newState)
        #expect(state.nextRecord == 1 && state.recordsReceived == 3)
        let rest = try records(log.bytes, 1..<3)
        let stale = appraise(rest, policy: policy, state: state, quote: second)
        #expect(stale.matchedRecord == 2 && stale.reasons == ["no_progress"])
        #expect(appraise(rest, policy: policy, state: state, quote: log.quote()).tier == .affirming)
        // The failure is the round's: the next one that covers them is clean.
        let next = try #require(stale.newState)
        #expect(
            appraise(try records(log.bytes, 2..<3), policy: policy, state: next, quote: log.quote()).tier == .affirming)
    }

    @Test("After a failure the match commits, and later rounds stay contraindicated until record 0")
    func afterFailure() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/unlisted", "x")
        log.violation("/v")
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        let state = try #require(outcome.newState)
        #expect(outcome.tier == .contraindicated && state.nextRecord == 3)
        log.file("/a", "a")
        let later = appraise(try records(log.bytes, 3..<4), policy: policy, state: state, quote: log.quote())
        #expect(later.tier == .contraindicated && later.findings == outcome.findings)
        let again = appraise(log.bytes, policy: try Policy(json: source(excludes: #""""#)), quote: log.quote())
        #expect(again.tier == .warning)
    }

    @Test("A state of other banks or PCRs isn't gone on from")
    func otherSelection() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let state = try #require(appraise(log.bytes, policy: policy, quote: log.quote()).newState)
        for quote in [log.quote(banks: [.sha1]), log.quote(banks: [.sha1, .sha256]), log.quote([11])] {
            let outcome = appraise([], policy: policy, state: state, quote: quote)
            #expect(outcome.reasons.contains("pcr_selection_mismatch"))
        }
        #expect(appraise([], policy: policy, state: state, quote: log.quote()).tier == .affirming)
    }

    @Test("A bank that is extended with padded SHA-1 matches, and the form is remembered", arguments: [false, true])
    func padded(isOld: Bool) throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.violation("/v")
        log.file("/a", "a")
        var value = Digest(repeating: 0, count: 32)
        var reader = RecordReader(log.bytes.span, format: LogFormat())
        var afterTwo = value
        while let record = try reader.next() {
            let column = Array(log.bytes[record.templateDigest])
            let violation = [UInt8](repeating: 0xff, count: 20) + [UInt8](repeating: isOld ? 0 : 0xff, count: 12)
            let extended =
                record.isViolation ? violation : column + [UInt8](repeating: 0, count: 12)
            PCRBank.sha256.extend(&value, with: try #require(Digest(extended)))
            if reader.nextRecord == 2 { afterTwo = value }
        }
        let first = appraise(log.bytes, policy: policy, quote: QuotedPCRs(.sha256, 10, afterTwo))
        let state = try #require(first.newState)
        #expect(state.nextRecord == 2 && state.lanes.map(\.forms) == [isOld ? .paddedViolations : .padded])
        #expect(first.findings.warnings == [.violation: 1, .paddedBank: 1] && first.paddedBanks == [.sha256])
        let rest = try records(log.bytes, 2..<3)
        let later = appraise(rest, policy: policy, state: state, quote: QuotedPCRs(.sha256, 10, value))
        #expect(later.matchedRecord == 3 && later.findings.warnings[.paddedBank] == 1)
    }

    @Test("A match in a padded form rests on SHA-1, and is what the policy says of that")
    func paddedBank() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        let padded = try log.padded(.sha256)
        func tier(_ rule: String, allowsSHA1: Bool = false, _ quote: QuotedPCRs? = nil) throws -> Tier {
            var options = AppraisalOptions()
            options.allowsSHA1 = allowsSHA1
            let policy = try Policy(json: source(digests: listed(["/a": "a"]), assay: rule))
            return appraise(log.bytes, policy: policy, options: options, quote: quote ?? QuotedPCRs(padded)).tier
        }
        #expect(try tier("") == .warning)
        #expect(try tier("", allowsSHA1: true) == .affirming)
        for (word, expected) in [("ignore", Tier.affirming), ("warn", .warning), ("fail", .contraindicated)] {
            for allowsSHA1 in [false, true] {
                #expect(try tier(#""padded_banks": "\#(word)""#, allowsSHA1: allowsSHA1) == expected)
            }
        }
        // Nothing rests on it where another bank vouches for the same records by its own hash.
        var both = padded
        both[.sha384, 10] = log.values([10], banks: [.sha384])[.sha384, 10]
        #expect(try tier("", QuotedPCRs(both)) == .affirming)
        both = padded
        both[.sha1, 10] = log.values([10], banks: [.sha1])[.sha1, 10]
        #expect(try tier("", QuotedPCRs(both)) == .warning)
        #expect(try tier("", log.quote(banks: [.sha1])) == .affirming)
        // Without a match nothing rests on anything.
        both[.sha256, 10] = Digest(repeating: 1, count: 32)
        #expect(appraise(log.bytes, policy: policy, quote: QuotedPCRs(both)).findings.count(.paddedBank) == 0)
    }

    @Test("What was received before a match can be gone on from, with another quote")
    func progress() throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", signed.certificate)
        let first = log.bytes
        log.signed(signed.path, signed.digest, signed.signature)
        log.file("/unlisted", "x")
        let policy = try Policy(json: source(digests: listed(), keyrings: signed.listed(on: ".ima")))
        var broken = Appraiser(policy: policy, quote: log.quote())
        #expect(broken.appraise(first.span) == first.count)
        let progress = broken.progress
        #expect(broken.finish().newState == nil)
        log.file("/unlisted", "y")
        let rest = try records(log.bytes, 2..<5)
        let resumed = appraise(rest, policy: policy, state: progress, quote: log.quote())
        let whole = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(resumed.newState?.findings == whole.newState?.findings)
        #expect(resumed.newState?.keyrings == whole.newState?.keyrings)
        #expect(resumed.newState?.lanes == whole.newState?.lanes && resumed.matchedRecord == 5)
    }

    @Test("Without a quote everything is judged and nothing is matched")
    func noQuote() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a", pcr: 11)
        let outcome = appraise(log.bytes, policy: policy, quote: nil)
        #expect(outcome.tier == .none && outcome.matchedRecord == nil && outcome.nextRecord == 0)
        #expect(outcome.newState == nil && outcome.recordsReceived == 2)
        log.file("/unlisted", "x")
        #expect(appraise(log.bytes, policy: policy, quote: nil).tier == .contraindicated)
    }

    // MARK: Sessions, other PCRs

    @Test("In a session record 0 is boot_aggregate, and a file is measured")
    func session() throws {
        var options = AppraisalOptions()
        options.requiresBootAggregate = true
        var log = LogBuilder()
        let nothing = appraise([], policy: policy, options: options, quote: log.quote())
        #expect(nothing.reasons == ["no_boot_aggregate"])
        log.bootAggregate()
        let bare = appraise(log.bytes, policy: policy, options: options, quote: log.quote())
        #expect(bare.tier == .warning && bare.findings.warnings == [.nothingMeasured: 1])
        let state = try #require(bare.newState)
        #expect(state.findings.isEmpty)
        log.file("/a", "a")
        let rest = try records(log.bytes, 1..<2)
        #expect(appraise(rest, policy: policy, options: options, state: state, quote: log.quote()).tier == .affirming)
        var other = LogBuilder()
        other.file("/a", "a")
        other.bootAggregate()
        let missing = appraise(other.bytes, policy: policy, options: options, quote: other.quote())
        #expect(missing.reasons == ["no_boot_aggregate"])
        #expect(appraise(other.bytes, policy: policy, quote: other.quote()).tier == .affirming)
    }

    @Test("A violation called boot_aggregate begins no epoch")
    func violatedBootAggregate() throws {
        var options = AppraisalOptions()
        options.requiresBootAggregate = true
        var log = LogBuilder()
        log.violation("boot_aggregate")
        log.file("/a", "a")
        #expect(
            appraise(log.bytes, policy: policy, options: options, quote: log.quote()).reasons == ["no_boot_aggregate"])
    }

    @Test("assay.pcrs: the quoted value of another PCR must be allowed, and be quoted")
    func otherPCRs() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let rules = #""pcrs": {"7": {"sha256": ["\#(hex("7"))", "\#(hex("8"))"], "sha1": ["\#(hex("9", 20))"]}}"#
        let policy = try Policy(json: source(digests: listed(), assay: rules))
        var values = log.quote().values
        #expect(appraise(log.bytes, policy: policy, quote: QuotedPCRs(values)).reasons == ["pcr_selection_mismatch"])
        values[.sha256, 7] = Digest(repeating: 0x88, count: 32)
        #expect(appraise(log.bytes, policy: policy, quote: QuotedPCRs(values)).tier == .affirming)
        values[.sha256, 7] = Digest(repeating: 0x99, count: 32)
        let outcome = appraise(log.bytes, policy: policy, quote: QuotedPCRs(values))
        #expect(outcome.reasons == ["pcr_mismatch"] && outcome.matchedRecord == 1)
        #expect(outcome.findings.kept.first?.found == "sha256 PCR 7 \(hex("9"))")
    }

    // MARK: Findings

    @Test("The first hundred findings are kept in full, and all are counted")
    func manyFindings() throws {
        var log = LogBuilder()
        log.bootAggregate()
        for index in 0..<250 { log.file("/x\(index)", "x") }
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.findings.kept.count == 100 && outcome.findings.failures == [.notInPolicy: 250])
        #expect(outcome.findings.kept.first?.record == 1 && outcome.findings.kept.last?.record == 100)
        #expect(outcome.findings.kept.allSatisfy { !$0.remedy.isEmpty && $0.found.hasPrefix("sha256:") })
    }

    @Test("Warnings don't crowd failures out")
    func crowded() throws {
        var log = LogBuilder()
        log.bootAggregate()
        for index in 0..<150 { log.violation("/v\(index)") }
        log.file("/unlisted", "x")
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.findings.kept.count == 100 && outcome.findings.kept.last?.reason == .notInPolicy)
        #expect(outcome.findings.byReason == [.violation: 150, .notInPolicy: 1])
    }

    @Test("Every reason has its word and its remedy")
    func reasons() {
        #expect(Reason.allCases.count == 31)
        for reason in Reason.allCases {
            #expect(!reason.remedy.isEmpty && reason.rawValue == reason.rawValue.lowercased())
        }
    }

    @Test("Damaged logs trap nothing and never pass", arguments: 0..<200)
    func damaged(seed: Int) throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", signed.certificate)
        log.signed(signed.path, signed.digest, signed.signature)
        log.file("/a", "a")
        let policy = try Policy(json: source(digests: listed(["/a": "a"]), keyrings: signed.listed(on: ".ima")))
        var bytes = log.bytes
        var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1
        for _ in 0..<(1 + seed % 3) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes[Int(state >> 33) % bytes.count] ^= UInt8(truncatingIfNeeded: state >> 24) | 1
        }
        let outcome = appraise(bytes, policy: policy, quote: log.quote(), piece: 100)
        #expect(outcome.tier == .contraindicated)
    }
}

extension LogBuilder {
    /// PCR 10 of a bank that the kernel extends with SHA-1 and zeros; no record may be a violation.
    fileprivate func padded(_ bank: PCRBank) throws -> PCRValues {
        var value = Digest(repeating: 0, count: bank.digestSize)
        var reader = RecordReader(bytes.span, format: LogFormat())
        while let record = try reader.next() {
            let column = Array(bytes[record.templateDigest])
            let zeros = [UInt8](repeating: 0, count: bank.digestSize - column.count)
            bank.extend(&value, with: try #require(Digest(column + zeros)))
        }
        var values = PCRValues()
        values[bank, 10] = value
        return values
    }
}
