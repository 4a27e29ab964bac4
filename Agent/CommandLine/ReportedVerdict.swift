import Bytes
import Foundation
import Messages

/// A verdict as scripts read it: one object on one line, names escaped.
struct ReportedVerdict: Encodable {
    private struct Finding: Encodable {
        let reason: String
        let record: UInt64?
        let path: String
        let found: String
        let expected: String
        let remedy: String
        let isWarning: Bool

        enum CodingKeys: String, CodingKey {
            case reason, record, path, found, expected, remedy
            case isWarning = "warning"
        }
    }

    private let tier: String
    private let nextRecord: UInt64
    private let recordsAppraised: UInt64
    private let excessRecords: UInt64
    private let signaturesVerified: UInt64
    private let findings: [Finding]
    private let findingsByReason: [String: UInt64]
    private let learnedKeyrings: [String: [String]]
    private let identity: String

    init(_ result: AttestationResult) {
        tier = result.tier.description
        identity = result.identity
        nextRecord = result.nextRecord
        recordsAppraised = result.recordsAppraised
        excessRecords = result.excessRecords
        signaturesVerified = result.signaturesVerified
        findings = result.findings.map {
            Finding(
                reason: $0.reason, record: $0.record, path: escaped($0.path), found: $0.found, expected: $0.expected,
                remedy: $0.remedy, isWarning: $0.isWarning)
        }
        findingsByReason = Dictionary(result.findingCounts.map { ($0.reason, $0.count) }) { $0 + $1 }
        learnedKeyrings = Dictionary(
            result.keyrings.map { (escaped($0.name), $0.keys.map { $0.keyID.hexadecimal }) }
        ) { $0 + $1 }
    }

    /// The line.
    var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        // Text and numbers alone: there is nothing in it that could fail to encode.
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
