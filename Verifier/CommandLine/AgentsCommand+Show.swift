import Appraisal
import ArgumentParser
import Server
import Store
import Terminal

extension AgentsCommand {
    /// Shows one agent.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how one agent stands, and why.",
            discussion: ExitStatus.help([
                .done: "affirming or warning", .contraindicated: "contraindicated", .noVerdict: "none",
            ]))

        @OptionGroup var options: StoreOptions
        @OptionGroup var freshness: FreshnessOptions

        @Argument(help: "The agent's identity.", completion: .agents)
        var id: String

        @Flag(help: "One JSON object on one line.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let maximumAge = try freshness.maximumAge(try options.settings())
            let (snapshot, findings, identity) = try await reported {
                let id = try AgentID(id)
                return (
                    try store.snapshot(of: id), try store.verdict(of: id)?.findings.kept ?? [], try store.identityMode()
                )
            }
            let status = AgentStatus(
                snapshot.summary, keys: snapshot.appraisal?.keyrings.count ?? 0,
                boot: PolicyCache(store: store).boot(of: snapshot.summary.verdict), now: currentTime(),
                maximumAge: maximumAge, identity: identity)
            if json {
                Output.line(try jsonLine(AgentReport(status: status, findings: findings.map(\.reported))))
            } else {
                show(status, snapshot, findings)
            }
            switch status.tier {
            case .affirming, .warning: return
            case .contraindicated: throw CommandFailure(.contraindicated)
            case .none: throw CommandFailure(.noVerdict)
            }
        }

        private func show(_ status: AgentStatus, _ snapshot: AgentSnapshot, _ findings: [Finding]) {
            let tier = status.tier.rawValue
            Output.line("\(snapshot.agent.id): \(Output.medium.styled(tier, status.tier.style))")
            status.sentences(policyHash: snapshot.policyHash).forEach { Output.paragraph("  ", $0) }
            guard !findings.isEmpty else { return }
            Output.line("Found by the last verdict:")
            for finding in findings { finding.show(indentedBy: 2) }
        }
    }
}
