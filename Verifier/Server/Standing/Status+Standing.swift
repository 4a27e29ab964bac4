import Appraisal
import Bytes
import Messages
import Store

extension Status {
    /// How an agent stands that is welcome, in the words that its own host is told: OK where nobody need do anything, and
    /// FAILED_PRECONDITION where somebody must for it to be affirmed.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - maximumAge: seconds for which a verdict stands.
    init(ofStanding snapshot: AgentSnapshot, at time: Int64, maximumAge: Int64) {
        let id = snapshot.agent.id
        guard let policy = snapshot.agent.policyName else {
            self.init(
                .failedPrecondition,
                "agent \(id) is enrolled, and NO POLICY judges it; on the verifier: assay-verifier policy assign "
                    + "\(id.shellWord) NAME")
            return
        }
        let facts = snapshot.summary.facts
        let standing = AgentStanding(facts, at: time, maximumAge: maximumAge)
        let isWell =
            switch standing {
            case .current: facts.tier(at: time, maximumAge: maximumAge) == .affirming
            case .neverAttested, .behind, .rebootSeen: true
            case .contraindicated, .unreachable, .revoked: false
            }
        var words =
            "agent \(id) is enrolled and judged by policy \(escaped(policy.utf8)); " + standing.words(facts, time)
        if let verdict = facts.verdict, verdict.policyHash != snapshot.policyHash {
            words += "; that was by another policy, and the next one is by this"
        }
        self.init(isWell ? .ok : .failedPrecondition, words)
    }
}

extension AgentStanding {
    /// A clause about the last verdict.
    fileprivate func words(_ facts: AgentFacts, _ time: Int64) -> String {
        guard let verdict = facts.verdict else { return "it has no verdict yet" + transferWords }
        let reasons = facts.reasons.map { "\($0.key) (\($0.value))" }.sorted().joined(separator: ", ")
        let because = reasons.isEmpty ? "" : ": " + reasons
        let age =
            switch facts.age(at: time) {
            case .seconds(let seconds)?: "\(seconds) s ago"
            case .inTheFuture?, nil: "stamped in the future"
            }
        if case .unreachable = self {
            return
                "its last verdict, \(age), was \(verdict.tier), and no longer stands: does `assay-agent run` run there?"
        }
        return "its last verdict, \(age), is \(verdict.tier)" + because + transferWords
    }

    private var transferWords: String {
        switch self {
        case .behind(let transfer), .rebootSeen(let transfer):
            "; \(transfer.recordsDone) of \(transfer.recordsTotal) records of its log are here"
        case .current, .contraindicated, .neverAttested, .unreachable, .revoked: ""
        }
    }
}
