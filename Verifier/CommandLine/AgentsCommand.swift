import Appraisal
import ArgumentParser
import Bytes
import Settings
import Store
import TPM
import Terminal

/// Who is enrolled, and how each of them stands.
struct AgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents",
        abstract: "Enrol agents, list them, show one and its past, have one attest anew, revoke or remove one.",
        subcommands: [
            Add.self, List.self, Show.self, History.self, Reattest.self, Revoke.self, Remove.self,
        ])

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

        @Option(
            help: ArgumentHelp("The attestation key's public part (TPM2B_PUBLIC).", valueName: "file"),
            completion: .file())
        var ak: String

        @Option(help: ArgumentHelp("The policy that judges the agent.", valueName: "name"), completion: .policies)
        var policy: String?

        @Flag(
            help: """
                Enrol it even if it, or another agent with its key, is enrolled: nothing of what was learned of it is kept.
                """)
        var replace = false

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Enrolled: Encodable {
            let agent: String
            /// The attestation key's TPM name.
            let attestationKey: String
            let policy: String?
        }

        func run() async throws {
            let (bytes, key) = try await reported { try attestationKey() }
            let store = try await options.open(.existing)
            defer { store.close() }
            try await reported {
                let agent = Agent(
                    id: try AgentID(enrolling: Array(id.utf8)), attestationKeyPublic: bytes,
                    attestationKeyName: key.name,
                    enrolledAt: currentTime(), policyName: policy)
                let holder = try await store.enrol(agent, replacing: replace)
                let enrolled = Enrolled(
                    agent: agent.id.description, attestationKey: key.name.hexadecimal,
                    policy: policy.map { escaped($0.utf8) })
                Output.line(
                    json
                        ? try jsonLine(enrolled)
                        : "enrolled \(enrolled.agent), attestation key \(enrolled.attestationKey)")
                if let holder {
                    Output.notice(
                        "\(holder) has this attestation key, too: if the host is \(agent.id) now, "
                            + "assay-verifier agents remove \(holder.shellWord)")
                }
                if policy == nil { Output.notice("no policy: assay-verifier policy assign \(agent.id.shellWord) NAME") }
                try warnOfCase(of: agent.id, in: store)
            }
        }

        private func attestationKey() throws -> (bytes: [UInt8], key: AttestationKey) {
            let bytes = try contents(ak)
            do throws(QuoteError) {
                return (bytes, try AttestationKey(publicArea: try PublicArea(tpm2bPublic: bytes)))
            } catch {
                throw CommandFailure(
                    .unavailable,
                    "\(ak): \(error); give what `assay-agent key --out FILE` wrote, or `tpm2_readpublic -f tss`"
                        + (error.code == .malformed ? "" : ", of another key: \(error.remedy)"))
            }
        }
    }
}

/// Says so where an agent is enrolled whose id people will take for this one.
func warnOfCase(of id: AgentID, in store: Store) throws(StoreError) {
    for other in try store.agentsDifferingInCase(from: id) {
        Output.notice("warning: agent \(other) is another one: its id differs from \(id) in the case of letters only")
    }
}

/// When a verdict is too old to stand.
struct FreshnessOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Seconds after its Challenge at which a verdict no longer stands, whatever attestation.max_age says.",
            valueName: "seconds"))
    var maxAge: Int?

    static let range = VerifierSettings.maximumAgeRange

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
