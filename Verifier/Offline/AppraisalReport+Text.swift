internal import Appraisal
internal import AssayCrypto
internal import Bytes

extension AppraisalReport {
    /// How many findings people are shown in full.
    private static let shownFindings = 10

    /// The report for people; what comes from the log is escaped.
    package var lines: [String] {
        var lines = [tierLine] + explanations.map { "    " + $0 } + ["boot: \(boot)"] + remarks
        for (bank, value) in pcr.sorted(by: { $0.key < $1.key }) { lines.append("PCR \(bank) \(value)") }
        lines += snapshots.flatMap(\.lines)
        lines += signatureLines
        for (name, keys) in keyrings.keyrings.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            lines.append("keyring \(escaped(name)): " + keys.map(\.keyID.description).joined(separator: " "))
        }
        return lines + findingLines
    }

    private var tierLine: String {
        guard let matchedRecord else { return "\(tier): \(records) records" }
        return
            "\(tier): \(records) records, the PCR covers \(matchedRecord) of the epoch, the next one is \(nextRecord)"
            + (excess > 0 ? "; \(excess) behind it aren't judged" : "")
    }

    private var signatureLines: [String] {
        let counts = [
            ("verified", signatures.verified), ("verified before", signatures.cached), ("bad", signatures.failed),
            ("by an unknown key", signatures.unknownKey),
            ("by a key that is denied or can't be used", signatures.refused),
        ]
        let signed = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        guard !signed.isEmpty else { return [] }
        let bad = badSignatures.sorted { $0.record < $1.record }.map {
            "    bad: record \($0.record) \(escaped($0.path)), \($0.problem)"
        }
        let others = signatures.failed - min(UInt64(badSignatures.count), signatures.failed)
        return ["signatures: " + signed.joined(separator: ", ")] + bad
            + (others > 0 ? ["    and \(others) more bad ones"] : [])
    }

    private var findingLines: [String] {
        var lines: [String] = []
        for finding in findings.kept.prefix(Self.shownFindings) {
            lines.append("\(finding.isWarning ? "warning, " : "")\(finding)")
            lines.append("    \(finding.remedy)")
        }
        let all = findings.byReason.values.reduce(0) { $0 &+ $1 }
        if all > UInt64(Self.shownFindings) {
            lines.append(
                "\(all - UInt64(Self.shownFindings)) more findings: --json has the first \(Findings.keptLimit) of the "
                    + "\(all) in full")
        }
        for (reason, count) in findings.byReason.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("\(reason): \(count)")
        }
        return lines
    }
}

extension AppraisalOutcome.Snapshot {
    /// What it claims, and what that is worth.
    fileprivate var lines: [String] {
        ["record \(record): snapshot_aggregate claims \(aggregate)", "    \(worth)"]
    }
}
