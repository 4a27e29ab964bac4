import Appraisal
import AssayCrypto
import Bytes
import Server
import Store
import TPM
import Terminal

/// How an agent stands now, for people and for scripts.
struct AgentStatus: Encodable {
    let agent: String
    /// The last verdict's tier, or `none` if it is too old, if there is none, or if the agent is revoked.
    let tier: String
    /// The last verdict's tier as it was given; nil before the first.
    let lastTier: String?
    /// Seconds since the last verdict's Challenge.
    let ageSeconds: Int64?
    let resetCount: UInt32?
    let nextRecord: UInt64
    let excessRecords: UInt64
    let findingsByReason: [String: UInt64]
    let policy: String?
    let policySha256: String?
    let isRevoked: Bool
    /// What the agent's identity rests on.
    let identity: String

    init(_ summary: AgentSummary, now: Int64, maximumAge: Int64, identity: IdentityMode) {
        let verdict = summary.verdict
        agent = summary.agent.id.description
        self.identity = identity.words
        isRevoked = summary.agent.revokedAt != nil
        lastTier = verdict?.tier.rawValue
        ageSeconds = summary.age(at: now)
        tier = summary.tier(at: now, maximumAge: maximumAge).rawValue
        resetCount = summary.state?.clockInfo.resetCount
        nextRecord = summary.state?.nextRecord ?? 0
        excessRecords = verdict?.excessRecords ?? 0
        findingsByReason = Dictionary(
            (verdict.map { $0.failures.merging($0.warnings) { $0 + $1 } } ?? [:]).map { ($0.key.rawValue, $0.value) }
        ) { $0 + $1 }
        policy = summary.agent.policyName
        policySha256 = verdict?.policyHash?.description
    }

    var row: [String] {
        [
            agent, tier, ageSeconds.map { "\($0) s" } ?? "-", resetCount.map { "\($0)" } ?? "-",
            readableCount(nextRecord), policy.map { escaped($0.utf8) } ?? "NO POLICY",
        ]
    }

    var sentences: [String] {
        var lines = ["\(agent): \(tier)"]
        if isRevoked { lines.append("It is revoked: its connections are refused.") }
        if let lastTier, let ageSeconds {
            lines.append("The last verdict is \(lastTier), \(ageSeconds) seconds old.")
            if tier == Tier.none.rawValue, !isRevoked {
                lines.append("That is too old to stand: is the agent running?")
            }
        } else {
            lines.append("It was never attested.")
        }
        if let resetCount {
            lines.append(
                "\(readableCount(nextRecord)) records of boot epoch \(resetCount) are appraised"
                    + (excessRecords > 0 ? ", \(readableCount(excessRecords)) more were received." : "."))
        }
        lines.append("identity: \(identity)")
        lines.append(policy.map { "It is judged by policy \(escaped($0.utf8))." } ?? "NO POLICY judges it.")
        return lines
    }
}
