import Appraisal
import AssayCrypto
import Server
import Store
import TPM

/// An agent as scripts read it. What isn't known yet is null.
extension AgentStatus: Encodable {
    private enum Keys: String, CodingKey {
        case agent, tier, state, keys, policy, transfer, identity
        case lastTier = "last_tier"
        case ageSeconds = "age_seconds"
        case verdictTime = "verdict_time"
        case resetCount = "reset_count"
        case nextRecord = "next_record"
        case excessRecords = "excess_records"
        case findingsByReason = "findings_by_reason"
        case policySHA256 = "policy_sha256"
        case isRevoked = "is_revoked"
        case enrolledAt = "enrolled_at"
    }

    private enum TransferKeys: String, CodingKey {
        case recordsDone = "records_done"
        case recordsTotal = "records_total"
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Keys.self)
        try object.encode(summary.agent.id.description, forKey: .agent)
        try object.encode(tier.rawValue, forKey: .tier)
        try object.encode(standing.word.rawValue, forKey: .state)
        // As it was given, however old it is.
        try object.encode(verdict?.tier.rawValue, forKey: .lastTier)
        try object.encode(age, forKey: .ageSeconds)
        try object.encode(verdict?.challengedAt, forKey: .verdictTime)
        try object.encode(summary.state?.clockInfo.resetCount, forKey: .resetCount)
        try object.encode(nextRecord, forKey: .nextRecord)
        try object.encode(verdict?.excessRecords ?? 0, forKey: .excessRecords)
        try object.encode(keys, forKey: .keys)
        try object.encode(findingsByReason, forKey: .findingsByReason)
        try object.encode(policyName, forKey: .policy)
        try object.encode(verdict?.policyHash?.description, forKey: .policySHA256)
        try object.encode(summary.agent.revokedAt != nil, forKey: .isRevoked)
        try object.encode(identity.words, forKey: .identity)
        try object.encode(summary.agent.enrolledAt, forKey: .enrolledAt)
        switch standing {
        case .behind(let transfer), .rebootSeen(let transfer):
            var progress = object.nestedContainer(keyedBy: TransferKeys.self, forKey: .transfer)
            try progress.encode(transfer.recordsDone, forKey: .recordsDone)
            try progress.encode(transfer.recordsTotal, forKey: .recordsTotal)
        case .current, .unreachable, .contraindicated, .neverAttested, .revoked: try object.encodeNil(forKey: .transfer)
        }
    }
}
