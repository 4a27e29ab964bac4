import AssayCrypto
import IMA
import TPM
import TestSupport
import Testing

@testable import Appraisal

@Suite("Rules for snapshots and kexecs")
struct SnapshotRuleTests {
    private let policy: Policy

    init() throws {
        policy = try Policy(json: source(digests: listed(["/a": "a", "/b": "b", "boot_aggregate": "boot"])))
    }

    private func begun() -> LogBuilder {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        return log
    }

    /// Values that no log leads to.
    private var others: PCRValues {
        var values = PCRValues()
        values[.sha256, 10] = Digest(repeating: 0x5a, count: 32)
        return values
    }

    @Test("A snapshot in the log is a record like any other if the records before it lead to its values")
    func borneOut() throws {
        var log = begun()
        log.snapshotAggregate()
        log.file("/b", "b")
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.tier == .affirming && outcome.matchedRecord == 4)
        #expect(outcome.snapshots.map(\.worth) == [.borneOut] && outcome.snapshots[0].record == 2)
    }

    @Test("A snapshot that claims other values is a finding, though the log leads to the quote")
    func falseClaim() throws {
        var log = begun()
        log.snapshotAggregate(claims: others)
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.tier == .contraindicated && outcome.reasons == ["pcr_mismatch"])
        #expect(outcome.findings.kept.first?.record == 2 && outcome.matchedRecord == 3)
        #expect(outcome.newState?.findings.count(.pcrMismatch) == 1 && !outcome.beginsBehindGap)
        // Behind the match it counts when a quote covers it.
        let before = appraise(log.bytes, policy: policy, quote: begun().quote())
        #expect(before.tier == .affirming && before.snapshots.isEmpty)
    }

    @Test("A log that begins with a snapshot goes on from a state with exactly its values")
    func fromState() throws {
        var log = begun()
        let state = try #require(appraise(log.bytes, policy: policy, quote: log.quote()).newState)
        let cut = log.bytes.count
        log.snapshotAggregate()
        log.file("/b", "b")
        let outcome = appraise(Array(log.bytes[cut...]), policy: policy, state: state, quote: log.quote())
        #expect(outcome.tier == .affirming && outcome.matchedRecord == 4 && !outcome.beginsBehindGap)
    }

    @Test("From a state with other values, or from none: records are missing")
    func gap() throws {
        var log = begun()
        let state = try #require(appraise(log.bytes, policy: policy, quote: log.quote()).newState)
        log.file("/b", "b")
        let cut = log.bytes.count
        log.snapshotAggregate()
        let excerpt = Array(log.bytes[cut...])
        let behind = appraise(excerpt, policy: policy, state: state, quote: log.quote())
        #expect(behind.beginsBehindGap && behind.newState == nil)
        #expect(behind.reasons.contains("records_missing"))
        let alone = appraise(excerpt, policy: policy, quote: log.quote())
        #expect(alone.beginsBehindGap && alone.reasons.contains("records_missing") && alone.tier == .contraindicated)
        // What it claims is never where a replay begins: no quote makes that a match.
        #expect(alone.matchedRecord == nil)
        #expect(alone.findings.kept.contains { $0.reason == .recordsMissing && $0.remedy.contains("shards") })
    }

    @Test("An excerpt without a quote shows what it claims, and accuses nobody")
    func excerpt() throws {
        var log = begun()
        let cut = log.bytes.count
        log.snapshotAggregate()
        let outcome = appraise(Array(log.bytes[cut...]), policy: nil, quote: nil)
        #expect(outcome.reasons == [] && outcome.snapshots.map(\.worth) == [.unsupported])
    }

    @Test("A snapshot of which nothing can be compared is shown, and passes only if the policy lists it")
    func unsupported() throws {
        let text = Array("Snapshot_Attempt_Count=1;sha256:PCR23:\(String(repeating: "00", count: 32));".utf8)
        var log = begun()
        log.buffer("snapshot_aggregate", text)
        let digest = PCRBank.sha256.digest(of: text)
        let rules: [(buffers: String, reasons: Set<String>)] = [
            ("", ["not_in_policy"]),
            (#""snapshot_aggregate": ["\#(String(repeating: "01", count: 32))"]"#, ["digest_mismatch"]),
            (#""snapshot_aggregate": ["\#(digest)"]"#, []),
        ]
        for (buffers, reasons) in rules {
            let digests = listed(["/a": "a", "boot_aggregate": "boot"])
            let policy = try Policy(json: source(digests: digests, buffers: buffers))
            let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
            #expect(outcome.reasons == reasons && outcome.matchedRecord == 3)
            #expect(outcome.snapshots.map(\.worth) == [.unsupported])
            // An excerpt's claims can't be compared either, whatever they are.
            let excerpt = appraise(Array(log.bytes[begun().bytes.count...]), policy: policy, quote: nil)
            #expect(excerpt.reasons == reasons && excerpt.snapshots.map(\.worth) == [.unsupported])
        }
    }

    @Test("A snapshot whose digest isn't its buffer's is a forgery like any other")
    func forged() throws {
        var log = begun()
        let text = "sha256:PCR10:\(log.values()[.sha256, 10]?.description ?? "");"
        log.buffer("snapshot_aggregate", Array(text.utf8), over: [1])
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.reasons == ["buffer_digest_mismatch"] && outcome.snapshots.isEmpty)
    }

    @Test("As many snapshots as a hostile log likes take no memory")
    func many() throws {
        var log = begun()
        for _ in 0..<50 { log.snapshotAggregate() }
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.snapshots.count == 8 && outcome.tier == .affirming)
    }

    // MARK: - kexec

    private func counts(_ count: Int) -> [UInt8] {
        Array("kexec_segment_size=4096;ima_binary_runtime_size=9;ima_runtime_measurements_count=\(count);".utf8)
    }

    @Test("A kexec that lost records: records_missing beside pcr_mismatch, with what to do")
    func kexec() throws {
        var log = begun()
        var complete = log
        complete.file("/b", "b")
        for index in [0, 1] {
            if index == 0 { log.bootAggregate() } else { complete.bootAggregate() }
        }
        let outcome = appraise(log.bytes, policy: policy, quote: complete.quote())
        #expect(Set(outcome.reasons) == ["pcr_mismatch", "records_missing"] && outcome.newState == nil)
        let missing = try #require(outcome.findings.kept.first { $0.reason == .recordsMissing })
        #expect(missing.record == 2 && missing.remedy.contains("CONFIG_IMA_KEXEC"))
        // With all of its records a kexec is no finding.
        #expect(appraise(complete.bytes, policy: policy, quote: complete.quote()).tier == .affirming)
        // Nor is a mismatch without a kexec anything but that.
        #expect(appraise(begun().bytes, policy: policy, quote: complete.quote()).reasons == ["pcr_mismatch"])
    }

    @Test(
        "A kexec's record whose count is that of the log passes unlisted; another is a finding that names both numbers")
    func countsThatAgree() throws {
        func outcome(_ log: LogBuilder, _ buffers: String = "", state: AppraisalState? = nil) throws -> AppraisalOutcome
        {
            let digests = listed(["/a": "a", "/b": "b"])
            let policy = try Policy(json: source(digests: digests, buffers: buffers))
            guard let state else { return appraise(log.bytes, policy: policy, quote: log.quote()) }
            let rest = try records(log.bytes, Int(state.nextRecord)..<log.count)
            return appraise(rest, policy: policy, state: state, quote: log.quote())
        }
        // Load, some more, execute, the next kernel, which was handed all, and its own kexec.
        var log = begun()
        log.buffer("kexec_load", counts(2))
        log.file("/b", "b")
        log.buffer("kexec_execute", counts(4))
        log.bootAggregate()
        log.file("/a", "a")
        log.buffer("kexec_load", counts(7))
        let whole = try outcome(log)
        #expect(whole.tier == .affirming && whole.matchedRecord == 8, "\(whole.findings.kept)")
        // The same in two rounds.
        var first = begun()
        first.buffer("kexec_load", counts(2))
        let state = try #require(try outcome(first).newState)
        #expect(try outcome(log, state: state).tier == .affirming)
    }

    @Test(
        "A count is at most that of the records before it, and at least that of its own kernel's, less what came between",
        arguments: [(2, false), (3, true), (1000, true), (2530, true), (2531, false)])
    func countsInBounds(counted: Int, agrees: Bool) throws {
        var log = begun()
        for _ in 0..<1500 { log.file("/a", "a") }
        log.bootAggregate()
        for _ in 0..<1026 { log.file("/b", "b") }
        #expect(log.count == 2529)
        log.buffer("kexec_load", counts(counted))
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.matchedRecord == 2530 && outcome.reasons == (agrees ? [] : ["not_in_policy"]))
        guard !agrees else { return }
        let finding = try #require(outcome.findings.kept.first)
        #expect(
            finding.found.contains("count of \(counted) records") && finding.expected.hasPrefix("3 to 2530 records"))
        #expect(finding.path == Array("kexec_load".utf8) && finding.remedy.contains("ima-buf"))
        let digest = PCRBank.sha256.digest(of: counts(counted))
        let digests = listed(["/a": "a", "/b": "b"])
        let listing = try Policy(json: source(digests: digests, buffers: #""kexec_load": ["\#(digest)"]"#))
        #expect(appraise(log.bytes, policy: listing, quote: log.quote()).tier == .affirming)
    }

    @Test("What else is measured under a kexec's or a snapshot's name is judged as what it is")
    func otherwiseNamed() throws {
        let certificate = try Signed().certificate
        for name in ["kexec_load", "kexec_execute", "snapshot_aggregate"] {
            var key = begun()
            key.buffer(name, certificate)
            let outcome = appraise(key.bytes, policy: policy, quote: key.quote())
            #expect(
                outcome.tier == .warning && outcome.findings.warnings == [.notInPolicy: 1] && outcome.learned.isEmpty)
            var text = begun()
            text.buffer(name, Array("kexec_segment_size=4096;".utf8))
            #expect(appraise(text.bytes, policy: policy, quote: text.quote()).reasons == ["not_in_policy"])
        }
    }

    @Test("A kernel that counted more records before its kexec than there are: records_missing at its count")
    func counted() throws {
        var log = begun()
        var complete = log
        complete.file("/b", "b")
        log.buffer("kexec_execute", counts(3))
        complete.buffer("kexec_execute", counts(3))
        let outcome = appraise(log.bytes, policy: nil, quote: complete.quote())
        let missing = try #require(outcome.findings.kept.first { $0.reason == .recordsMissing })
        #expect(missing.record == 2 && missing.found.contains("2 records") && missing.expected.contains("3"))
        #expect(missing.remedy.contains("CONFIG_IMA_KEXEC_EXTRA_MEMORY_KB"))
        // A quote that all of them lead to outweighs what a count says, where no policy judges it.
        #expect(appraise(complete.bytes, policy: nil, quote: complete.quote()).reasons == [])
        var overstated = begun()
        overstated.buffer("kexec_execute", counts(99))
        #expect(appraise(overstated.bytes, policy: nil, quote: overstated.quote()).reasons == [])
    }
}
