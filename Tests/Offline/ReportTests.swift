import Appraisal
import AssayCrypto
import Foundation
import TPM
import TestSupport
import Testing

@testable import Offline

@Suite("The report")
struct ReportTests {
    private func tampered(_ name: String, policy: String? = "t.policy.json") throws -> AppraisalArguments {
        struct PCRs: Decodable {
            let final: [String: String]
        }
        let pcrs = try JSONDecoder().decode(
            PCRs.self, from: Data(try Fixtures.bytes("generated/tampered/\(name).pcrs.json")))
        var arguments = AppraisalArguments()
        arguments.logs = [Fixtures.path("generated/tampered/\(name).bin")]
        arguments.policy = policy.map { Fixtures.path("generated/tampered/\($0)") }
        arguments.pcrs = ["sha256:\(try #require(pcrs.final["sha256"]))"]
        return arguments
    }

    @Test("JSON is one object on one line, with every member")
    func json() throws {
        let report = try appraise(try tampered("t"))
        #expect(!report.json.contains("\n"))
        let object = try report.object()
        #expect(
            Set(object.keys) == [
                "tier", "records", "matched_record", "next_record", "pcr", "quoted_pcrs", "findings",
                "findings_by_reason", "learned_keyrings", "signatures", "snapshots", "cpu_s", "wall_s", "boot",
                "allows_sha1", "of_sha1", "remarks", "bad_signatures",
            ])
        #expect(object["tier"] as? String == "affirming")
        #expect(object["records"] as? Int == 80 && object["matched_record"] as? Int == 80)
        #expect(object["next_record"] as? Int == 80)
        #expect((object["pcr"] as? [String: String])?["sha256"]?.count == 64)
        #expect((object["quoted_pcrs"] as? [String: Any])?.isEmpty == true)
        #expect((object["findings"] as? [Any])?.isEmpty == true)
        let keyrings = try #require(object["learned_keyrings"] as? [String: [String]])
        #expect(!keyrings.isEmpty && keyrings.values.joined().allSatisfy { $0.count == 8 })
        let signatures = try #require(object["signatures"] as? [String: Int])
        #expect(Set(signatures.keys) == ["verified", "cached", "failed"])
        #expect((signatures["verified"] ?? 0) > 0 && signatures["failed"] == 0)
        #expect((object["cpu_s"] as? Double ?? 0) > 0 && (object["wall_s"] as? Double ?? 0) > 0)
    }

    @Test("A snapshot's claims are shown, with what they are worth, as text and as JSON")
    func snapshots() throws {
        let files = try TemporaryFolder()
        var log = LogBuilder()
        log.bootAggregate()
        let claim = "sha256 PCR 10 \(log.values()[.sha256, 10]?.description ?? "")"
        var excerpt = LogBuilder()
        excerpt.snapshotAggregate(claims: log.values(banks: [.sha256]))
        log.snapshotAggregate(claims: log.values(banks: [.sha256]))
        let before = log
        log.snapshotAggregate(claims: LogBuilder().values(banks: [.sha256]))
        let cases: [(log: LogBuilder, line: String, worth: String)] = [
            (before, "record 1: snapshot_aggregate claims \(claim)", "    the records before it lead to these values"),
            (excerpt, "record 0: snapshot_aggregate claims \(claim)", "    the host's own word"),
            (log, "record 2: snapshot_aggregate claims sha256 PCR 10 000", "    false: sha256 PCR 10 000"),
        ]
        for (log, line, worth) in cases {
            var arguments = AppraisalArguments()
            arguments.logs = [try files.write(log.bytes, "log")]
            let report = try appraise(arguments)
            let lines = report.lines
            let place = try #require(lines.firstIndex { $0.hasPrefix(line) }, "\(lines)")
            #expect(lines.count > place + 1 && lines[place + 1].hasPrefix(worth), "\(lines)")
            #expect((try report.object()["snapshots"] as? [Any])?.isEmpty == false)
        }
    }

    @Test("Findings have all their members, and are counted by reason")
    func findings() throws {
        let report = try appraise(try tampered("t", policy: "t.policy-missing.json"))
        #expect(report.isContraindicated)
        let object = try report.object()
        let findings = try #require(object["findings"] as? [[String: Any]])
        #expect(findings.count >= 5)
        for finding in findings {
            #expect(Set(finding.keys) == ["reason", "record", "path", "found", "expected", "remedy"])
            #expect((finding["remedy"] as? String)?.isEmpty == false)
        }
        let counts = try #require(object["findings_by_reason"] as? [String: Int])
        #expect(counts.values.reduce(0, +) == findings.count)
        #expect(report.lines.count > findings.count)
    }

    @Test("Without a PCR all is judged, nothing is matched, and keys are reported")
    func withoutPCR() throws {
        var arguments = try tampered("t")
        arguments.pcrs = []
        let report = try appraise(arguments)
        #expect(report.tier == .none && report.matchedRecord == nil && report.nextRecord == 0 && report.records == 80)
        #expect(!report.keyrings.isEmpty)
        #expect(try report.object()["matched_record"] is NSNull)
        arguments.policy = Fixtures.path("generated/tampered/t.policy-missing.json")
        #expect(try appraise(arguments).isContraindicated)
    }

    @Test("Without a policy it says so: none if nothing failed, and nothing is learned")
    func withoutPolicy() throws {
        let report = try appraise(try tampered("t", policy: nil))
        #expect(report.tier == .none && report.matchedRecord == 80 && report.keyrings.isEmpty)
        #expect(report.notices.contains { $0.hasPrefix("NO POLICY") })
        let altered = try appraise(try tampered("t.tamper-flip-path", policy: nil))
        #expect(altered.isContraindicated)
    }

    @Test("A log that doesn't meet its PCR teaches nothing")
    func unmatched() throws {
        var arguments = try tampered("t")
        arguments.pcrs = ["sha256:" + String(repeating: "1", count: 64)]
        let report = try appraise(arguments)
        #expect(report.reasons == ["pcr_mismatch"] && report.matchedRecord == nil && report.nextRecord == 0)
        #expect(report.keyrings.isEmpty)
    }

    @Test("Keys given without a policy are counted, and make a finding only where signatures are required")
    func keysAlone() throws {
        let test = try Case("ima-log/sig-rsa2048")
        var arguments = AppraisalArguments()
        arguments.logs = [test.path("log.bin")]
        arguments.keys = [test.path("key0.pem")]
        let known = try appraise(arguments)
        #expect(known.tier == .none && known.signatures.verified > 0)
        arguments.keys = []
        #expect(try appraise(arguments).findings.isEmpty)
        arguments.requiresSignatures = true
        #expect(try appraise(arguments).reasons.contains("unknown_key"))
    }

    @Test("A violation is what the operator says, whatever the policy does")
    func violations() throws {
        let test = try Case("ima-log/vio-ignored")
        var tiers: [Tier] = []
        for action in ["ignore", "warn", "fail"] {
            var arguments = test.arguments()
            arguments.logs = [test.path("log.bin")]
            arguments.violations = action
            tiers.append(try appraise(arguments).tier)
        }
        #expect(tiers == [.affirming, .warning, .contraindicated])
    }
}

@Suite("What the report says where there is no verdict")
struct NoVerdictTests {
    private static func arguments(_ name: String) throws -> (Case, AppraisalArguments) {
        let test = try Case(name)
        var arguments = test.arguments()
        arguments.logs = [test.path(try #require(test.inputs.log_binary))]
        return (test, arguments)
    }

    /// What the log leads to in these banks, for `--pcr`.
    private static func values(_ banks: [PCRBank], of arguments: AppraisalArguments) throws -> [String] {
        var whole = arguments
        whole.pcrs = []
        let pcr = try appraise(whole).pcr
        return try banks.map { "\($0):\(try #require(pcr[$0]))" }
    }

    @Test("A log that nothing vouches for: what to give")
    func withoutQuote() throws {
        var arguments = try Self.arguments("ima-log/ng-ok").1
        #expect(try appraise(arguments).explanations.isEmpty)
        arguments.pcrs = []
        let report = try appraise(arguments)
        #expect(report.tier == .none && report.lines[1].contains("nothing vouches for the log"), "\(report.lines)")
        #expect(report.lines[1].contains("--quote") && report.lines[1].contains("--pcr BANK:HEX"))
        #expect((try report.object()["remarks"] as? [String])?.first?.contains("--pcr BANK:HEX") == true)
        arguments.policy = nil
        #expect(try appraise(arguments).lines[2].contains("--policy"))
    }

    @Test("A quote without a log: the log")
    func withoutLog() throws {
        let run = KernelRun("k612-imasig-sha256/boot1")
        let report = try appraise(try run.quote(try #require(run.points.first)))
        #expect(report.tier == .none && report.lines[1].contains("--log"), "\(report.lines)")
    }

    @Test("A PCR from before the first record covers none of them, and the report says so")
    func zeros() throws {
        var arguments = try Self.arguments("ima-log/ng-ok").1
        arguments.pcrs = ["sha256:" + String(repeating: "0", count: 64)]
        let report = try appraise(arguments)
        #expect(report.matchedRecord == 0 && report.lines[1].contains("before the first record"), "\(report.lines)")
        #expect(report.lines[0].hasSuffix("; \(report.records) behind it aren't judged"))
    }

    @Test("The SHA-1 bank alone gives no verdict, as in a session, unless it is allowed")
    func sha1Bank() throws {
        var arguments = try Self.arguments("ima-log/ng-bank-sha1").1
        let refused = try appraise(arguments)
        #expect(refused.tier == .none && refused.isRefused && refused.findings.isEmpty)
        #expect(refused.lines[1].contains("SHA-1 bank alone") && refused.lines[1].contains("--allow-sha1"))
        arguments.allowsSHA1 = true
        let allowed = try appraise(arguments)
        #expect(allowed.tier == .affirming && !allowed.isRefused && !allowed.ofSHA1.isEmpty)
        // What fails, fails in any bank.
        var failing = try Self.arguments("ima-log/ng-unknownFile").1
        failing.pcrs = try Self.values([.sha1], of: failing)
        let contraindicated = try appraise(failing)
        #expect(contraindicated.isContraindicated && contraindicated.isRefused, "\(contraindicated.lines)")
    }

    @Test("A second bank beside SHA-1 is enough")
    func secondBank() throws {
        var arguments = try Self.arguments("ima-log/ng-ok").1
        arguments.pcrs = try Self.values([.sha1, .sha256], of: arguments)
        let report = try appraise(arguments)
        #expect(report.tier == .affirming && !report.isRefused, "\(report.lines)")
    }

    @Test("Bad signatures are named, also where the digest lets their files pass")
    func badSignatures() throws {
        let (_, arguments) = try Self.arguments("ima-log/sig-otherFile")
        var listed = arguments
        listed.policy = nil
        let report = try appraise(listed)
        #expect(report.signatures.failed == 1, "\(report.lines)")
        let bad = try #require(report.badSignatures.first)
        #expect(report.lines.contains { $0.contains("bad: record \(bad.record) /") }, "\(report.lines)")
        let object = try #require((try report.object()["bad_signatures"] as? [[String: Any]])?.first)
        #expect(Set(object.keys) == ["record", "path", "problem"])
    }

    @Test("Ten findings are shown in full, and the rest is counted")
    func manyFindings() throws {
        var log = LogBuilder()
        log.bootAggregate()
        for number in 0..<25 { log.file("/bin/\(number)", "x") }
        let files = try TemporaryFolder()
        var arguments = AppraisalArguments()
        arguments.logs = [try files.write(log.bytes, "log")]
        arguments.policy = try files.write(PolicyDraft().document.json, "policy")
        let report = try appraise(arguments)
        let shown = report.lines.filter { $0.hasPrefix("record ") }
        #expect(shown.count == 10 && report.lines.contains { $0.hasPrefix("\(report.findings.kept.count - 10) more") })
    }
}
