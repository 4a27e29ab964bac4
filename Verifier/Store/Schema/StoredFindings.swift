import Appraisal
import Bytes

/// An appraisal's findings: those kept in full, and the counts of all.
struct StoredFindings: StoredValue {
    static let layout: UInt8 = 1

    let findings: Findings

    init(_ findings: Findings) {
        self.findings = findings
    }

    init(reading reader: inout ByteReader) throws {
        let kept = try reader.list { try $0.finding() }
        findings = Findings(kept: kept, failures: try reader.counts(), warnings: try reader.counts())
    }

    func write(to writer: inout ByteWriter) {
        writer.list(findings.kept) { $0.finding($1) }
        writer.counts(findings.failures)
        writer.counts(findings.warnings)
    }
}

extension ByteReader {
    fileprivate mutating func finding() throws -> Finding {
        let reason = try word(Reason.self)
        let record = try optional { try $0.integer(UInt64.self) }
        let path = try field()
        let found = try text()
        let expected = try text()
        let remedy = try text()
        return Finding(
            reason, record: record, path: path, found: found, expected: expected, remedy: remedy,
            isWarning: try flag())
    }
}

extension ByteWriter {
    fileprivate mutating func finding(_ finding: Finding) {
        word(finding.reason)
        optional(finding.record) { $0.integer($1) }
        field(finding.path)
        field(finding.found.utf8)
        field(finding.expected.utf8)
        field(finding.remedy.utf8)
        flag(finding.isWarning)
    }
}
