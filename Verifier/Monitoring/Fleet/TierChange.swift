package import Appraisal
internal import AssayCrypto
internal import Bytes
internal import FoundationEssentials
package import Server
package import Store

/// That an agent's tier became another one: what hooks are told.
package struct TierChange: Hashable, Sendable {
    /// Whose.
    package let agent: AgentID
    /// The tier before.
    package let from: Tier
    /// The tier now: `none` also because the last verdict ceased to stand, or the agent was revoked.
    package let to: Tier
    /// How the agent stands now; tells a host that is silent from one that isn't trusted.
    package let standing: AgentStanding
    /// The last verdict.
    package let verdict: Verdict?
    /// When the tier changed, in seconds since 1970.
    package let time: Int64

    /// One JSON object on one line; the agent's id is escaped.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers and text alone: nothing in it can fail to encode.
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    /// The same for programs that rather read environment variables.
    var environment: [String: String] {
        var variables = [
            "ASSAY_EVENT": Self.event, "ASSAY_AGENT": agent.description, "ASSAY_FROM": from.rawValue,
            "ASSAY_TO": to.rawValue, "ASSAY_STATE": standing.word.rawValue, "ASSAY_TIME": String(time),
            "ASSAY_FINDINGS": findings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                .joined(separator: " "),
        ]
        if let verdict { variables["ASSAY_VERDICT_TIME"] = String(verdict.challengedAt) }
        return variables
    }

    private static let event = "tier_changed"

    private var findings: [String: UInt64] { verdict?.byReason.byName ?? [:] }
}

extension TierChange: Encodable {
    private enum Keys: String, CodingKey {
        case event, agent, from, to, state, time
        case verdictTime = "verdict_time"
        case findingsByReason = "findings_by_reason"
        case policySHA256 = "policy_sha256"
    }

    package func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Keys.self)
        try object.encode(Self.event, forKey: .event)
        try object.encode(agent.description, forKey: .agent)
        try object.encode(from.rawValue, forKey: .from)
        try object.encode(to.rawValue, forKey: .to)
        try object.encode(standing.word.rawValue, forKey: .state)
        try object.encode(time, forKey: .time)
        try object.encode(verdict?.challengedAt, forKey: .verdictTime)
        try object.encode(findings, forKey: .findingsByReason)
        try object.encode(verdict?.policyHash?.description, forKey: .policySHA256)
    }
}
