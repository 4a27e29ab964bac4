import Appraisal
import AssayCrypto
import Server
import Store
import TPM

/// An agent as scripts read it. What isn't known yet is null.
extension AgentStatus: Encodable {
    private enum Keys: String, CodingKey {
        case agent, tier, state, keys, policy, transfer, identity, boot, reattestation
        case lastTier = "last_tier"
        case ageSeconds = "age_seconds"
        case isInTheFuture = "is_in_the_future"
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
        case recordsRemaining = "records_remaining"
        case bytesDone = "bytes_done"
        case bytesTotal = "bytes_total"
        case bytesRemaining = "bytes_remaining"
        case bytesPerSecond = "bytes_per_second"
        case secondsRemaining = "seconds_remaining"
        case isNewEpoch = "is_new_epoch"
        case updatedAt = "updated_at"
    }

    private enum ReattestationKeys: String, CodingKey {
        case from
        case requestedAt = "requested_at"
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Keys.self)
        try object.encode(summary.id.description, forKey: .agent)
        try object.encode(tier.rawValue, forKey: .tier)
        try object.encode(standing.word.rawValue, forKey: .state)
        // As it was given, however old it is.
        try object.encode(verdict?.tier.rawValue, forKey: .lastTier)
        // What is stamped later than now, or was when that was looked at, has no age that is known.
        var seconds: Int64?
        if case .seconds(let known)? = age { seconds = known }
        try object.encode(seconds, forKey: .ageSeconds)
        try object.encode(age == .inTheFuture, forKey: .isInTheFuture)
        try object.encode(verdict?.challengedAt, forKey: .verdictTime)
        try object.encode(summary.position?.resetCount, forKey: .resetCount)
        try object.encode(nextRecord, forKey: .nextRecord)
        try object.encode(verdict?.excessRecords ?? 0, forKey: .excessRecords)
        try object.encode(keys, forKey: .keys)
        try object.encode(findingsByReason, forKey: .findingsByReason)
        try object.encode(policyName, forKey: .policy)
        try object.encode(verdict?.policyHash?.description, forKey: .policySHA256)
        try object.encode(summary.revokedAt != nil, forKey: .isRevoked)
        try object.encode(identity.words, forKey: .identity)
        try object.encode(boot.description, forKey: .boot)
        try object.encode(summary.enrolledAt, forKey: .enrolledAt)
        if let transfer {
            try encode(transfer, to: object.nestedContainer(keyedBy: TransferKeys.self, forKey: .transfer))
        } else {
            try object.encodeNil(forKey: .transfer)
        }
        if let request = summary.reattestation {
            var going = object.nestedContainer(keyedBy: ReattestationKeys.self, forKey: .reattestation)
            try going.encode(request.firstRecord, forKey: .from)
            try going.encode(request.requestedAt, forKey: .requestedAt)
        } else {
            try object.encodeNil(forKey: .reattestation)
        }
    }

    private func encode(
        _ transfer: AgentFacts.Transfer, to container: KeyedEncodingContainer<TransferKeys>
    ) throws {
        var object = container
        try object.encode(transfer.recordsDone, forKey: .recordsDone)
        try object.encode(transfer.recordsTotal, forKey: .recordsTotal)
        try object.encode(transfer.recordsRemaining, forKey: .recordsRemaining)
        try object.encode(transfer.bytesDone, forKey: .bytesDone)
        try object.encode(transfer.bytesTotal, forKey: .bytesTotal)
        try object.encode(transfer.bytesRemaining, forKey: .bytesRemaining)
        try object.encode(transfer.bytesPerSecond, forKey: .bytesPerSecond)
        try object.encode(transfer.secondsRemaining, forKey: .secondsRemaining)
        try object.encode(transfer.isNewEpoch, forKey: .isNewEpoch)
        try object.encode(transfer.updatedAt, forKey: .updatedAt)
    }
}
