import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Messages
import Store
import Terminal

/// Tries a policy on the agents of another.
struct PolicyTryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "try",
        abstract: "Try a policy on the hosts that another one judges: what would it fail, host by host?",
        discussion: """
            The running server asks each agent of the policy NAME for its whole log, at its next round, and judges it by \
            the assigned policy, as ever, and by FILE, which decides nothing. Answers are printed as they come.

            \(ExitStatus.help([
                .done: "the new policy would fail nobody", .contraindicated: "it would fail somebody",
                .noVerdict: "it would not, but some agents have not answered",
            ]))
            """)

    @OptionGroup var options: StoreOptions

    @Argument(help: "The policy's name, whose agents are asked.", completion: .policies)
    var name: String

    @Argument(
        help: "The new policy: a runtime policy v1 (JSON), or a signed one (DSSE) with --policy-key.",
        completion: .file())
    var file: String

    @Option(
        name: .customLong("policy-key"),
        help: ArgumentHelp("PEM of a key that must have signed the new policy.", valueName: "file"), completion: .file()
    )
    var policyKey: [String] = []

    @Option(help: ArgumentHelp("How long agents are waited for.", valueName: "seconds"))
    var wait = 180

    @Flag(help: "One JSON object a line: one for each agent, then one for all of them.")
    var json = false

    func validate() throws {
        guard (1...86_400).contains(wait) else { throw ValidationError("--wait is from 1 to 86400 seconds") }
    }

    func run() async throws {
        let policy = try await reported {
            try compiled(try contents(file), of: file, signers: policyKey)
        }
        for warning in policy.warnings { Output.notice("warning: \(warning)") }
        let store = try await options.open(.existing)
        defer { store.close() }
        let summary = try await reported { try await attempt(policy, in: store) }
        Output.line(json ? try jsonLine(summary) : summary.sentence)
        if summary.failing > 0 { throw CommandFailure(.contraindicated) }
        if !summary.unanswered.isEmpty { throw CommandFailure(.noVerdict) }
    }

    private func attempt(_ policy: Policy, in store: Store) async throws -> TrialSummary {
        let agents = try store.agents(judgedBy: name).filter { try store.agent($0).revokedAt == nil }
        guard !agents.isEmpty else {
            throw CommandFailure(
                .unavailable, "the policy \(escaped(name.utf8)) judges no agent: there is nobody to try it on")
        }
        try requireServer(on: store)
        let trial = try await store.startTrial(
            of: name, contentHash: policy.contentHash, compiled: policy.compiled, at: currentTime(),
            lifetime: Int64(wait))
        do {
            let summary = try await follow(trial, agents, in: store)
            try await store.endTrial(trial.number)
            return summary
        } catch {
            try? await store.endTrial(trial.number)
            throw error
        }
    }

    /// Prints answers as they come, until all are there or the time is over.
    private func follow(_ trial: Trial, _ agents: [AgentID], in store: Store) async throws -> TrialSummary {
        let end = ContinuousClock.now + .seconds(wait)
        var summary = TrialSummary(
            policy: escaped(name.utf8), sha256: "\(trial.contentHash)", agents: agents.count)
        var waiting = Set(agents)
        defer { show("") }
        while true {
            for result in try store.results(of: trial.number) where waiting.remove(result.agent) != nil {
                let answer = TrialAnswer(result)
                show("")
                if json {
                    Output.line(try jsonLine(answer))
                } else {
                    Output.lines(answer.lines(result, on: Output.medium))
                }
                if answer.wouldFail { summary.failing += 1 }
            }
            guard !waiting.isEmpty, ContinuousClock.now < end else { break }
            show(progress(waiting, of: agents.count, until: end))
            try await Task.sleep(for: .milliseconds(200))
        }
        summary.unanswered = waiting.sorted().map(\.description)
        return summary
    }

    /// `3 of 12 agents answered; 150 s left for web-7 and 8 others`
    private func progress(_ waiting: Set<AgentID>, of count: Int, until end: ContinuousClock.Instant) -> String {
        let left = max(0, ContinuousClock.now.duration(to: end).components.seconds)
        let first = waiting.min().map { " for \($0)" } ?? ""
        let others = waiting.count > 1 ? " and \(counted(waiting.count - 1, "other"))" : ""
        return "  \(readableCount(UInt64(count - waiting.count))) of \(counted(count, "agent")) answered; "
            + "\(left) s left\(first)\(others)"
    }

    private func show(_ progress: String) {
        if !json { Output.transient(progress) }
    }
}

/// Hosts are asked by a server alone: a command that needs their answers ends where none runs.
func requireServer(on store: Store) throws(CommandFailure) {
    guard store.server != nil else {
        throw CommandFailure(
            .unavailable, "no server runs on this store, and only a server can ask hosts: assay-verifier serve")
    }
}

/// What the new policy would say of one agent.
private struct TrialAnswer: Encodable {
    let agent: String
    /// The verdict by the assigned policy, over the same log.
    let tier: String
    let policySha256: String?
    /// What the verdict would be.
    let newTier: String
    let wouldFail: Bool
    let appraisedRecords: UInt64
    let findingsByReason: [String: UInt64]
    let findings: [ReportedFinding]

    init(_ result: TrialResult) {
        agent = result.agent.description
        tier = result.assignedTier.rawValue
        policySha256 = result.assignedHash?.description
        newTier = result.tier.rawValue
        wouldFail = result.tier == .contraindicated
        appraisedRecords = result.appraisedRecords
        findingsByReason = result.findings.byReason.byName
        findings = result.findings.kept.map(\.reported)
    }

    /// - Parameter result: whose findings that fail are shown.
    func lines(_ result: TrialResult, on medium: Medium) -> [String] {
        let word = medium.styled(newTier, result.tier.style)
        var line = "\(agent): would be \(word), is \(tier), \(readableCount(appraisedRecords)) records"
        if !findingsByReason.isEmpty { line += ": " + findingsByReason.phrase }
        let failures = result.findings.kept.filter { !$0.isWarning }
        var lines = [line] + failures.prefix(20).map { "  \($0)" }
        if failures.count > 20 { lines.append("  and more: --json has them") }
        return lines
    }
}

/// What the new policy would do to all of them.
private struct TrialSummary: Encodable {
    let policy: String
    /// Of the new policy's source.
    let sha256: String
    let agents: Int
    var failing = 0
    var unanswered: [String] = []

    init(policy: String, sha256: String, agents: Int) {
        self.policy = policy
        self.sha256 = sha256
        self.agents = agents
    }

    var sentence: String {
        var text = "the new policy would fail \(failing) of \(agents - unanswered.count) agents that answered"
        if !unanswered.isEmpty {
            text += "; no answer from \(unanswered.count): " + unanswered.prefix(20).joined(separator: ", ")
            if unanswered.count > 20 { text += " and more" }
        }
        return text
    }
}
