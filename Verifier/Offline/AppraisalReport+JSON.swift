import Appraisal
import AssayCrypto
import Bytes
import FoundationEssentials
import IMA
import Messages
import TPM

extension AppraisalReport {
    /// The report as one JSON object on one line; names from the log are escaped.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers and text that was validated always encode.
        guard let data = try? encoder.encode(Document(report: self)) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    private struct Document: Encodable {
        let report: AppraisalReport

        private enum Keys: String, CodingKey {
            case tier, records, pcr, findings, signatures, snapshots, boot, remarks
            case badSignatures = "bad_signatures"
            case allowsSHA1 = "allows_sha1"
            case ofSHA1 = "of_sha1"
            case matchedRecord = "matched_record"
            case nextRecord = "next_record"
            case quotedPCRs = "quoted_pcrs"
            case findingsByReason = "findings_by_reason"
            case learnedKeyrings = "learned_keyrings"
            case cpuSeconds = "cpu_s"
            case wallSeconds = "wall_s"
        }

        func encode(to encoder: any Encoder) throws {
            var object = encoder.container(keyedBy: Keys.self)
            try object.encode(report.tier.rawValue, forKey: .tier)
            try object.encode(report.records, forKey: .records)
            // Null, not left out: there is no match.
            try object.encode(report.matchedRecord, forKey: .matchedRecord)
            try object.encode(report.nextRecord, forKey: .nextRecord)
            let pcr = report.pcr.map { ($0.key.description, $0.value.description) }
            try object.encode(Dictionary(uniqueKeysWithValues: pcr), forKey: .pcr)
            var quoted: [String: [String: String]] = [:]
            for (bank, index, value) in report.quotedPCRs.all {
                quoted[bank.description, default: [:]][String(index)] = value.description
            }
            try object.encode(quoted, forKey: .quotedPCRs)
            try object.encode(report.findings.kept.map(\.reported), forKey: .findings)
            try object.encode(report.findings.byReason.byName, forKey: .findingsByReason)
            let keyrings = report.keyrings.keyrings.map { (escaped($0.key), $0.value.map(\.keyID.description)) }
            try object.encode(Dictionary(keyrings) { $0 + $1 }, forKey: .learnedKeyrings)
            let signatures = report.signatures
            try object.encode(
                ["verified": signatures.verified, "cached": signatures.cached, "failed": signatures.failed],
                forKey: .signatures)
            try object.encode(report.badSignatures.map(BadSignature.init), forKey: .badSignatures)
            try object.encode(report.snapshots.map(Snapshot.init), forKey: .snapshots)
            try object.encode(report.boot.description, forKey: .boot)
            try object.encode(report.allowsSHA1, forKey: .allowsSHA1)
            try object.encode(report.ofSHA1, forKey: .ofSHA1)
            try object.encode(report.explanations + report.remarks, forKey: .remarks)
            try object.encode(report.time.cpu, forKey: .cpuSeconds)
            try object.encode(report.time.wall, forKey: .wallSeconds)
        }
    }

    private struct BadSignature: Encodable {
        let record: UInt64
        let path: String
        let problem: String

        init(_ signature: AppraisalOutcome.BadSignature) {
            record = signature.record
            path = escaped(signature.path)
            problem = signature.problem
        }
    }

    private struct Snapshot: Encodable {
        let record: UInt64
        /// PCR values by bank and index.
        let claims: [String: [String: String]]
        let worth: String

        init(_ snapshot: AppraisalOutcome.Snapshot) {
            record = snapshot.record
            var claims: [String: [String: String]] = [:]
            for claim in snapshot.aggregate.claims {
                claims[claim.bank.description, default: [:]][String(claim.pcr)] = claim.value.description
            }
            self.claims = claims
            worth =
                switch snapshot.worth {
                case .borneOut: "borne_out"
                case .contradicted: "contradicted"
                case .unsupported: "unsupported"
                }
        }
    }
}
