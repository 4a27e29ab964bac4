import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Foundation
import Store
import Terminal

/// The policies that hosts are judged by.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Make policies, check and sign them; put them into the store, assign them, list them.",
        subcommands: [
            Put.self, Assign.self, List.self, PolicyCreateCommand.self, PolicyConvertCommand.self,
            PolicyCheckCommand.self, PolicyDiffCommand.self,
        ])

    /// Puts a policy into the store.
    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a policy and put it into the store under a name.",
            discussion: """
                Agents that have this name's policy are judged by it from their next round on, from record 0.
                """)

        @OptionGroup var options: StoreOptions

        @Argument(help: "The policy's name.")
        var name: String

        @Argument(help: "The file: a runtime policy v1 (JSON), or a signed one (DSSE) with --policy-key.")
        var file: String

        @Option(
            name: .customLong("policy-key"),
            help: ArgumentHelp("PEM of a key that must have signed the policy.", valueName: "file"))
        var policyKey: [String] = []

        func run() async throws {
            let store = try await options.open(.readWrite)
            defer { store.close() }
            try await reported {
                let signers = try policyKey.map {
                    try PublicKey(encoded: [UInt8](try Data(contentsOf: URL(filePath: $0))))
                }
                let source = [UInt8](try Data(contentsOf: URL(filePath: file)))
                let policy = try Policy(source: source, signers: signers)
                for warning in policy.warnings { Output.notice("warning: \(warning)") }
                let hash = try await store.putPolicy(
                    name, source: source, compiled: policy.compiled, at: currentTime())
                Output.line("policy \(escaped(name.utf8)) is \(hash)")
            }
        }
    }

    /// Assigns a policy.
    struct Assign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Have an agent judged by a policy.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.")
        var id: String

        @Argument(help: "The policy's name.")
        var name: String

        func run() async throws {
            let store = try await options.open(.readWrite)
            defer { store.close() }
            try await reported { try await store.assignPolicy(name, to: try AgentID(id)) }
            Output.line("\(escaped(id.utf8)) is judged by \(escaped(name.utf8))")
        }
    }

    /// Lists policies.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the policies' names and content hashes.")

        @OptionGroup var options: StoreOptions

        @Flag(help: "One JSON object on one line: name, SHA-256.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let names = try await reported { try store.policyNames() }
            if json {
                let hashes = names.map { (escaped($0.name.utf8), "\($0.contentHash)") }
                Output.line(try jsonLine(Dictionary(hashes) { first, _ in first }))
                return
            }
            var table = Table(["NAME", "SHA-256"])
            for name in names { table.append([escaped(name.name.utf8), "\(name.contentHash)"]) }
            table.lines.forEach { Output.line($0) }
        }
    }
}
