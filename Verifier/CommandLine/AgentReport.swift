import Messages

/// A status with its findings.
struct AgentReport: Encodable {
    let status: AgentStatus
    let findings: [ReportedFinding]
}
