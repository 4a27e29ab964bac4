import Appraisal
import ArgumentParser
import Bytes
import Foundation
import Settings
import Store
import TPM
import Terminal

/// Who is enrolled, and how each of them stands.
struct AgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents",
        abstract: "Enrol agents, list them, show one, revoke or remove one.",
        subcommands: [Add.self, List.self, Show.self, Revoke.self, Remove.self])

    /// Enrols an agent.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enrol an agent by its attestation key.",
            discussion: """
                The key's public part comes from the host: assay-agent key --out FILE. The ID is the one that the \
                agent's certificate names (URI:urn:assay:agent:ID, or its first DNS name).
                """)

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.")
        var id: String

        @Option(help: ArgumentHelp("The attestation key's public part (TPM2B_PUBLIC).", valueName: "file"))
        var ak: String

        @Option(help: ArgumentHelp("The policy that judges the agent.", valueName: "name"))
        var policy: String?

        @Flag(help: "Enrol it anew: another attestation key, and nothing of what was learned is kept.")
        var replace = false

        func run() async throws {
            let store = try await options.open(.readWrite)
            defer { store.close() }
            try await reported {
                let bytes = [UInt8](try Data(contentsOf: URL(filePath: ak)))
                let publicArea = try PublicArea(tpm2bPublic: bytes)
                let key = try AttestationKey(publicArea: publicArea)
                let agent = Agent(
                    id: try AgentID(id), attestationKeyPublic: bytes, attestationKeyName: key.name,
                    enrolledAt: currentTime(), policyName: policy)
                try await store.enrol(agent, replacing: replace)
                Output.line("enrolled \(agent.id), attestation key \(key.name.hexadecimal)")
                if policy == nil { Output.notice("no policy: assay-verifier policy assign \(agent.id) NAME") }
            }
        }
    }

    /// Lists agents.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all agents and their last verdicts.")

        @OptionGroup var options: StoreOptions
        @OptionGroup var freshness: FreshnessOptions

        @Flag(help: "One JSON object a line.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let maximumAge = try freshness.maximumAge(try options.settings())
            let now = currentTime()
            let identity = try await reported { try store.identityMode() }
            var table = Table(["AGENT", "TIER", "AGE", "EPOCH", "RECORDS", "POLICY"])
            var last: AgentID?
            try await reported {
                while true {
                    let page = try store.agents(after: last)
                    for entry in page {
                        switch entry {
                        case .success(let summary):
                            last = summary.agent.id
                            let status = AgentStatus(
                                summary, now: now, maximumAge: maximumAge, identity: identity)
                            if json { Output.line(try jsonLine(status)) } else { table.append(status.row) }
                        case .failure(let error):
                            Output.notice("\(error)")
                            last = try error.place.agent.map { try AgentID($0) } ?? last
                        }
                    }
                    guard page.count == 1000 else { break }
                }
            }
            if !json { table.lines.forEach { Output.line($0) } }
        }
    }

    /// Shows one agent.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how one agent stands, and why.",
            discussion: "Exit: 0 affirming or warning, 1 contraindicated, 4 none.")

        @OptionGroup var options: StoreOptions
        @OptionGroup var freshness: FreshnessOptions

        @Argument(help: "The agent's identity.")
        var id: String

        @Flag(help: "One JSON object on one line.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let maximumAge = try freshness.maximumAge(try options.settings())
            let (status, findings) = try await reported {
                let id = try AgentID(id)
                let snapshot = try store.snapshot(of: id)
                return (
                    AgentStatus(
                        snapshot.summary, now: currentTime(), maximumAge: maximumAge,
                        identity: try store.identityMode()),
                    try store.verdict(of: id)?.findings.kept ?? []
                )
            }
            if json {
                Output.line(try jsonLine(AgentReport(status: status, findings: findings.map(\.reported))))
            } else {
                status.sentences.forEach { Output.line($0) }
                for finding in findings {
                    Output.line("  \(finding)")
                    Output.line("    remedy: \(finding.remedy)")
                }
            }
            switch status.tier {
            case "contraindicated": throw CommandFailure(.contraindicated)
            case "none": throw CommandFailure(.noVerdict)
            default: return
            }
        }
    }
}

/// When a verdict is too old to stand.
struct FreshnessOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Seconds after its Challenge at which a verdict no longer stands, whatever attestation.max_age says.",
            valueName: "seconds"))
    var maxAge: Int?

    private static let range = VerifierSettings.maximumAgeRange

    func validate() throws {
        guard maxAge.map(Self.range.contains) ?? true else {
            throw ValidationError("--max-age is from \(Self.range.lowerBound) to \(Self.range.upperBound) seconds")
        }
    }

    /// The flag, or the configuration, or ten minutes.
    func maximumAge(_ settings: Settings) throws(CommandFailure) -> Int64 {
        if let maxAge { return Int64(maxAge) }
        do {
            return Int64(try settings.value(of: VerifierSettings.maximumAge))
        } catch {
            throw .usage(error)
        }
    }
}
