import Bytes

/// A verdict as the agent's scripts read it; the verifier's commands use the same words.
extension AttestationResult: Encodable {
    private enum Keys: String, CodingKey {
        case tier, records, findings, identity, boot
        case nextRecord = "next_record"
        case excessRecords = "excess_records"
        case signaturesVerified = "signatures_verified"
        case findingsByReason = "findings_by_reason"
        case learnedKeyrings = "learned_keyrings"
        case policySHA256 = "policy_sha256"
    }

    package func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Keys.self)
        try object.encode(tier.description, forKey: .tier)
        try object.encode(identity.isEmpty ? nil : identity, forKey: .identity)
        try object.encode(boot.isEmpty ? nil : boot, forKey: .boot)
        try object.encode(recordsAppraised, forKey: .records)
        try object.encode(nextRecord, forKey: .nextRecord)
        try object.encode(excessRecords, forKey: .excessRecords)
        try object.encode(signaturesVerified, forKey: .signaturesVerified)
        try object.encode(findings, forKey: .findings)
        let counts = findingCounts.map { ($0.reason, $0.count) }
        try object.encode(Dictionary(counts) { $0 &+ $1 }, forKey: .findingsByReason)
        let ids = keyrings.map { (escaped($0.name), $0.keys.map { $0.keyID.hexadecimal }) }
        try object.encode(Dictionary(ids) { $0 + $1 }, forKey: .learnedKeyrings)
        try object.encode(policySHA256.isEmpty ? nil : policySHA256.hexadecimal, forKey: .policySHA256)
    }
}
