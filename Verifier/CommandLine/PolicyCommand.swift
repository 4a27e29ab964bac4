import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Store
import Terminal

/// The policies that hosts are judged by.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract:
            "Make policies, learn, check, sign and try them; put them into the store, assign, list, show and delete them.",
        subcommands: [
            Put.self, Assign.self, List.self, Show.self, Delete.self, PolicyCreateCommand.self,
            PolicyConvertCommand.self, PolicyCheckCommand.self, PolicyDiffCommand.self, PolicySignCommand.self,
            PolicyTryCommand.self, PolicyLearnCommand.self,
        ])

    /// Puts a policy into the store.
    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a policy and put it into the store under a name.",
            discussion: """
                Agents that have this name's policy are judged by it from their next round on, from record 0.
                """)

        @OptionGroup var options: StoreOptions

        @Argument(help: "The policy's name.", completion: .policies)
        var name: String

        @Argument(
            help: "The file: a runtime policy v1 (JSON), or a signed one (DSSE) with --policy-key.", completion: .file()
        )
        var file: String

        @Option(
            name: .customLong("policy-key"),
            help: ArgumentHelp("PEM of a key that must have signed the policy.", valueName: "file"), completion: .file()
        )
        var policyKey: [String] = []

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Stored: Encodable {
            let policy: String
            let sha256: String
            let warnings: [String]
        }

        func run() async throws {
            let store = try await options.open(.existing)
            defer { store.close() }
            try await reported {
                let source = try contents(file)
                let policy = try compiled(source, of: file, signers: policyKey)
                for warning in policy.warnings { Output.notice("warning: \(warning)") }
                let hash = try await store.putPolicy(
                    name, source: source, compiled: policy.compiled, at: currentTime())
                let stored = Stored(
                    policy: escaped(name.utf8), sha256: hash.description, warnings: policy.warnings.map { "\($0)" })
                Output.line(json ? try jsonLine(stored) : "policy \(stored.policy) is \(stored.sha256)")
            }
        }
    }

    /// Assigns a policy.
    struct Assign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Have an agent judged by a policy.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.", completion: .agents)
        var id: String

        @Argument(help: "The policy's name.", completion: .policies)
        var name: String

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Assigned: Encodable {
            let agent: String
            let policy: String
        }

        func run() async throws {
            let store = try await options.open(.existing)
            defer { store.close() }
            try await reported { try await store.assignPolicy(name, to: try AgentID(id)) }
            let assigned = Assigned(agent: escaped(id.utf8), policy: escaped(name.utf8))
            Output.line(json ? try jsonLine(assigned) : "\(assigned.agent) is judged by \(assigned.policy)")
        }
    }
}

/// A policy as the server uses it.
///
/// - Parameter file: where the source is from, for what is said of it.
func compiled(_ source: [UInt8], of file: String, signers: [String]) throws -> Policy {
    let keys = try signers.map(publicKey)
    do throws(PolicyError) {
        return try Policy(source: source, signers: keys)
    } catch {
        throw CommandFailure(
            .unavailable, "\(file): \(error)\n`assay-verifier policy check \(shellQuoted(file.utf8))` names every fault"
        )
    }
}
