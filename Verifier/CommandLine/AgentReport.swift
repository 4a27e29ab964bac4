import Messages

/// A status with the last verdict's findings.
struct AgentReport: Encodable {
    let status: AgentStatus
    let findings: [ReportedFinding]
}
