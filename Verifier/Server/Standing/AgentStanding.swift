package import Appraisal
import Store

/// How an agent stands, as a person would put it. Each state calls for another remedy; only one of them is distrust.
package enum AgentStanding: Hashable, Sendable {
    /// The operator has revoked it, at this time: its connections are refused.
    case revoked(since: Int64)
    /// It is enrolled, and no verdict was ever given.
    case neverAttested
    /// The last verdict stands, and something failed: the only state that says that the host isn't to be trusted.
    case contraindicated([Reason: UInt64])
    /// The host has booted since its last verdict; the new epoch's log is on its way.
    case rebootSeen(AgentFacts.Transfer)
    /// Its log is on its way, and no verdict covers it yet.
    case behind(AgentFacts.Transfer)
    /// No verdict since this time, for longer than one stands; or the last one is stamped later than now. That isn't
    /// distrust: the host may be off.
    case unreachable(since: Int64)
    /// The last verdict stands, and covers all that was sent.
    case current

    /// The rule. What is bad news comes before what only delays.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - maximumAge: seconds for which a verdict stands; for as long a transfer counts as contact.
    package init(_ facts: AgentFacts, at time: Int64, maximumAge: Int64) {
        if let revokedAt = facts.revokedAt {
            self = .revoked(since: revokedAt)
            return
        }
        let transfer = facts.transfer(at: time, maximumAge: maximumAge)
        let stands = facts.verdictStands(at: time, maximumAge: maximumAge)
        switch (facts.verdict, transfer) {
        case (let verdict?, _) where stands && verdict.tier == .contraindicated:
            self = .contraindicated(verdict.failures)
        case (_?, let transfer?) where transfer.isNewEpoch: self = .rebootSeen(transfer)
        case (_, let transfer?): self = .behind(transfer)
        case (nil, nil): self = .neverAttested
        case (let verdict?, nil): self = stands ? .current : .unreachable(since: verdict.challengedAt)
        }
    }

    /// The states by the words that scripts and metrics use.
    package enum Word: String, CaseIterable, Hashable, Sendable {
        case revoked
        case neverAttested = "never_attested"
        case contraindicated
        case rebootSeen = "reboot_seen"
        case behind
        case unreachable
        case current
    }

    /// The state's word.
    package var word: Word {
        switch self {
        case .revoked: .revoked
        case .neverAttested: .neverAttested
        case .contraindicated: .contraindicated
        case .rebootSeen: .rebootSeen
        case .behind: .behind
        case .unreachable: .unreachable
        case .current: .current
        }
    }
}
