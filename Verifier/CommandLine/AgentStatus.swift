import Appraisal
import AssayCrypto
import Bytes
import Server
import Store
import TPM
import Terminal

/// How an agent stands now, for people and for scripts.
struct AgentStatus {
    let summary: AgentSummary
    let standing: AgentStanding
    /// The last verdict's tier, or `none` if it is too old, if there is none, or if the agent is revoked.
    let tier: Tier
    /// How long ago the last verdict's Challenge was; nil before the first verdict.
    let age: Age?
    /// Keys that were learned.
    let keys: Int
    /// Seconds since 1970.
    let now: Int64
    /// What the agent's identity rests on.
    let identity: IdentityMode
    /// How far the last verdict covers what the host has booted.
    let boot: BootAppraisal
    /// A log on its way.
    let transfer: AgentFacts.Transfer?

    init(
        _ summary: AgentSummary, keys: Int, boot: BootAppraisal, now: Int64, maximumAge: Int64, identity: IdentityMode
    ) {
        let facts = summary.facts
        self.summary = summary
        self.keys = keys
        self.boot = boot
        self.now = now
        self.identity = identity
        standing = AgentStanding(facts, at: now, maximumAge: maximumAge)
        age = facts.age(at: now)
        tier = facts.tier(at: now, maximumAge: maximumAge)
        transfer = facts.transfer(at: now, maximumAge: maximumAge)
    }

    var verdict: Verdict? { summary.verdict }
    var nextRecord: UInt64 { summary.position?.nextRecord ?? 0 }
    var policyName: String? { summary.policyName.map { escaped($0.utf8) } }

    /// Failures and warnings of the last verdict, by reason, and the keys that it rests on and that were denied since.
    var findingsByReason: [String: UInt64] { summary.facts.reasons.byName }
}

// MARK: A line of the listing

extension AgentStatus {
    static let header = ["AGENT", "TIER", "AGE", "EPOCH", "RECORDS", "KEYS", "STATE", "POLICY"]
    static let numbers: Set<Int> = [2, 3, 4, 5]

    var row: [String] {
        [
            summary.id.description, tier.rawValue, age?.phrase ?? "-",
            summary.position.map { "\($0.resetCount)" } ?? "-", readableCount(nextRecord), "\(keys)",
            standing.phrase, policyName ?? "NO POLICY",
        ]
    }

    var styles: [Int: Style] {
        var styles: [Int: Style] = [:]
        styles[1] = tier.style
        styles[6] = standing.style
        if policyName == nil { styles[7] = .caution }
        return styles
    }
}

extension Age {
    /// Such as `5 min`.
    var phrase: String {
        switch self {
        case .seconds(let seconds): readableAge(seconds)
        case .inTheFuture: "in the future"
        }
    }
}

extension Tier {
    var style: Style {
        switch self {
        case .affirming: .good
        case .warning: .caution
        case .contraindicated: .bad
        case .none: .faint
        }
    }
}

extension AgentStanding {
    /// A few words, for a column.
    var phrase: String {
        switch self {
        case .current: "current"
        case .behind(let transfer): "behind, \(transfer.phrase)"
        case .rebootSeen(let transfer): "rebooted, \(transfer.phrase)"
        case .unreachable: "unreachable"
        case .contraindicated: "contraindicated"
        case .neverAttested: "never attested"
        case .revoked: "revoked"
        }
    }

    /// Distrust alone is red: a host that is off isn't one that was broken into.
    var style: Style? {
        switch self {
        case .contraindicated: .bad
        case .behind, .rebootSeen, .unreachable: .caution
        case .neverAttested, .revoked: .faint
        case .current: nil
        }
    }
}

extension AgentFacts.Transfer {
    /// Such as `1,200 of 60,000`.
    var phrase: String { "\(readableCount(recordsDone)) of \(readableCount(recordsTotal))" }
}
