/// What an appraisal found: the first findings in full, all of them counted by reason.
///
/// Its size is bounded, whatever a hostile log makes of it.
package struct Findings: Hashable, Sendable {
    /// How many findings are kept in full.
    package static let keptLimit = 100
    /// How many bytes of a path, and characters of a text, are kept of one.
    package static let textLimit = 4096

    /// The first findings, in the log's order, and behind them those of no record, in the order in which they were made.
    /// Failures push warnings out when the limit is met.
    package private(set) var kept: [Finding] = []
    /// All failures, by reason.
    package private(set) var failures: [Reason: UInt64] = [:]
    /// All warnings, by reason.
    package private(set) var warnings: [Reason: UInt64] = [:]

    /// No findings.
    package init() {}

    /// Findings as they were stored.
    package init(kept: [Finding], failures: [Reason: UInt64], warnings: [Reason: UInt64]) {
        self.kept = Array(kept.prefix(Self.keptLimit))
        self.failures = failures
        self.warnings = warnings
    }

    /// Whether nothing was found, not even a warning.
    package var isEmpty: Bool { failures.isEmpty && warnings.isEmpty }

    /// Whether something failed.
    package var hasFailures: Bool { !failures.isEmpty }

    /// Whether the policy warns of something.
    package var hasWarnings: Bool { !warnings.isEmpty }

    /// Failures and warnings of a reason.
    package func count(_ reason: Reason) -> UInt64 {
        (failures[reason] ?? 0) &+ (warnings[reason] ?? 0)
    }

    /// Failures and warnings by reason.
    package var byReason: [Reason: UInt64] {
        failures.merging(warnings) { $0 &+ $1 }
    }

    /// Counts a finding, and keeps it while there is room.
    package mutating func add(_ finding: Finding) {
        if finding.isWarning {
            warnings[finding.reason, default: 0] &+= 1
        } else {
            failures[finding.reason, default: 0] &+= 1
        }
        keep(finding)
    }

    /// Appends another appraisal's findings.
    package mutating func add(_ others: Findings) {
        failures.merge(others.failures) { $0 &+ $1 }
        warnings.merge(others.warnings) { $0 &+ $1 }
        for finding in others.kept { keep(finding) }
    }

    private mutating func keep(_ finding: Finding) {
        // A signature's finding may come after those of records behind it.
        let place = kept.lastIndex { !Self.stands(finding, before: $0) }.map { $0 + 1 } ?? 0
        guard kept.count < Self.keptLimit || place < kept.count || !finding.isWarning else { return }
        var finding = finding
        if finding.path.count > Self.textLimit { finding.path.removeSubrange(Self.textLimit...) }
        kept.insert(finding, at: place)
        if kept.count > Self.keptLimit { kept.remove(at: kept.lastIndex(where: \.isWarning) ?? kept.count - 1) }
    }

    private static func stands(_ finding: Finding, before other: Finding) -> Bool {
        guard let record = finding.record, let other = other.record else { return false }
        return record < other
    }
}

extension [Reason: UInt64] {
    /// The counts by the reasons' words, as they are written for scripts.
    package var byName: [String: UInt64] {
        [String: UInt64](uniqueKeysWithValues: map { ($0.key.rawValue, $0.value) })
    }
}
