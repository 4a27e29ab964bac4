package import Appraisal
import AssayCrypto
import Bytes
package import Messages
import Store

extension AttestationResult {
    /// Findings and keyrings are cut to what a message of 64 KiB holds; all are in the store.
    private static let findingsBytes = 40 << 10
    private static let keyringsBytes = 16 << 10

    /// What the agent is told of a committed outcome.
    init(_ outcome: RoundOutcome, _ settings: SessionSettings) {
        self.init(
            round: outcome.round, tier: Messages.Tier(outcome.tier), nextRecord: outcome.nextRecord,
            recordsAppraised: outcome.recordsAppraised, excessRecords: outcome.excessRecords,
            findings: Self.reported(outcome.findings.kept),
            findingCounts: outcome.findings.byReason.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { ReasonCount(reason: $0.key.rawValue, count: $0.value) },
            keyrings: Self.reported(outcome.keyrings), policySHA256: outcome.policyHash?.bytes ?? [],
            signaturesVerified: outcome.signaturesVerified,
            nextRoundSeconds: UInt32(clamping: settings.roundSeconds), identity: settings.identityMode.words,
            boot: outcome.boot.description)
    }

    private static func reported(_ findings: [Finding]) -> [ReportedFinding] {
        var room = findingsBytes
        return findings.map(\.reported).prefix { finding in
            room -= finding.path.count + finding.found.utf8.count + finding.expected.utf8.count
            room -= finding.remedy.utf8.count + finding.reason.utf8.count + 32
            return room >= 0
        }
    }

    private static func reported(_ model: KeyringModel) -> [ReportedKeyring] {
        var room = keyringsBytes
        return model.keyrings.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { name, keys in
            room -= name.count + 16
            let fitting = keys.prefix { key in
                room -= (key.subject?.utf8.count ?? 0) + 32
                return room >= 0
            }
            return ReportedKeyring(
                name: name,
                keys: fitting.map { key in
                    var id = ByteWriter()
                    id.integer(key.keyID.value)
                    return ReportedKey(keyID: id.bytes, subject: Array((key.subject ?? "").utf8), record: key.record)
                })
        }.filter { !$0.keys.isEmpty }
    }
}

extension Messages.Tier {
    /// The same tier, as the wire has it.
    package init(_ tier: Appraisal.Tier) {
        switch tier {
        case .none: self = .none
        case .affirming: self = .affirming
        case .warning: self = .warning
        case .contraindicated: self = .contraindicated
        }
    }
}
