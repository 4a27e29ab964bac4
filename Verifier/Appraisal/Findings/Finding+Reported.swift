package import Messages

extension Finding {
    /// The finding as agents and scripts are told of it.
    package var reported: ReportedFinding {
        ReportedFinding(
            reason: reason.rawValue, record: record, path: path, found: found, expected: expected, remedy: remedy,
            isWarning: isWarning)
    }

    /// A finding that was told; nil if its reason is none of the closed list.
    package init?(_ reported: ReportedFinding) {
        guard let reason = Reason(rawValue: reported.reason) else { return nil }
        self.init(
            reason, record: reported.record, path: reported.path, found: reported.found, expected: reported.expected,
            remedy: reported.remedy, isWarning: reported.isWarning)
    }
}
