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
                "allows_sha1", "of_sha1", "remarks",
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
