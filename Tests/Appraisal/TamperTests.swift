import AssayCrypto
import Bytes
import Foundation
import IMA
import TPM
import TestSupport
import Testing

@testable import Appraisal

@Suite("Tampered logs")
struct TamperTests {
    private struct Sidecar: Decodable {
        struct Expected: Decodable {
            let verdict: String
            let reasons: [String]
        }

        let entry: UInt64
        let expected: Expected
    }

    private struct PCRs: Decodable {
        let final: [String: String]
    }

    static let cases: [String] = {
        let folder = Fixtures.folder.appending(path: "generated/tampered").path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("t.tamper-") && $0.hasSuffix(".bin") }.map { String($0.dropLast(4)) }
            .sorted()
    }()

    /// The generator's words for reasons, in ours.
    private static let reasons: [String: Set<String>] = [
        "template-digest-mismatch": ["template_hash_mismatch"], "pcr-mismatch": ["pcr_mismatch"],
        "signature-invalid": ["bad_signature"], "parse-error": ["parse_error"],
        "unknown-template": ["unknown_template"],
        "unknown-key": ["unknown_key"], "key-not-allowed": ["digest_mismatch", "not_in_policy"],
        "buffer-digest-mismatch": ["buffer_digest_mismatch"], "not-in-policy": ["not_in_policy"],
        "hash-not-allowed": ["digest_mismatch"], "wrong-pcr": ["wrong_pcr"],
    ]

    private func quote(_ name: String) throws -> QuotedPCRs {
        let pcrs = try JSONDecoder().decode(
            PCRs.self, from: Data(try Fixtures.bytes("generated/tampered/\(name).pcrs.json")))
        let value = [UInt8](hexadecimal: pcrs.final["sha256"] ?? "") ?? []
        return QuotedPCRs(.sha256, 10, try #require(Digest(value)))
    }

    @Test("The honest log passes, and fails by a policy that lacks five of its digests")
    func honest() throws {
        let log = try Fixtures.bytes("generated/tampered/t.bin")
        let policy = try Policy(json: try Fixtures.bytes("generated/tampered/t.policy.json"))
        let outcome = appraise(log, policy: policy, quote: try quote("t"))
        #expect(outcome.tier == .affirming && outcome.matchedRecord == 80, "\(outcome.findings.kept)")
        #expect(outcome.signatures.verified > 0)
        let missing = try Policy(json: try Fixtures.bytes("generated/tampered/t.policy-missing.json"))
        let failed = appraise(log, policy: missing, quote: try quote("t"))
        #expect(Set(failed.findings.kept.map(\.record)).count == 5, "\(failed.findings.kept)")
    }

    @Test("Each tampered copy gets the verdict of its sidecar", arguments: cases)
    func tampered(name: String) throws {
        let sidecar = try JSONDecoder().decode(
            Sidecar.self, from: Data(try Fixtures.bytes("generated/tampered/\(name).expect.json")))
        let policy = try Policy(json: try Fixtures.bytes("generated/tampered/t.policy.json"))
        let log = try Fixtures.bytes("generated/tampered/\(name).bin")
        let outcome = appraise(log, policy: policy, quote: try quote(name), piece: 1000)
        #expect((outcome.tier == .affirming) == (sidecar.expected.verdict == "accept"), "\(outcome.findings.kept)")
        for reason in sidecar.expected.reasons {
            let words = try #require(Self.reasons[reason])
            #expect(!outcome.reasons.isDisjoint(with: words), "\(reason): \(outcome.findings.kept)")
        }
        if sidecar.expected.verdict == "accept" {
            #expect(outcome.matchedRecord == sidecar.entry && outcome.excess > 0)
        }
    }

    @Test("All 26 ways to tamper are there")
    func all() { #expect(Self.cases.count == 26) }
}
