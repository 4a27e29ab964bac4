import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Store
import Terminal

/// The keys that hosts' kernels have loaded.
struct KeyringsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyrings",
        abstract: "Show the keys that were learned from a host's log.",
        subcommands: [Show.self])

    /// Shows one agent's keyrings.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show an agent's keyrings and the keys learned on each.",
            discussion: "The kernel logs no removal: what is shown was loaded at some time in this boot epoch.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.")
        var id: String

        @Flag(help: "One JSON object on one line: keyring, list of key ids.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let model = try await reported {
                let id = try AgentID(id)
                _ = try store.agent(id)
                return try store.keyrings(of: id)
            }
            let keyrings = model.keyrings.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            if json {
                let ids = keyrings.map { (escaped($0.key), $0.value.map { $0.keyID.description }) }
                Output.line(try jsonLine(Dictionary(ids) { $0 + $1 }))
                return
            }
            if keyrings.isEmpty { Output.notice("no keys were learned") }
            for (name, keys) in keyrings {
                Output.line(escaped(name))
                var table = Table(["  KEY ID", "SUBJECT", "RECORD", "SHA-256 OF THE PUBLIC KEY"])
                for key in keys {
                    table.append([
                        "  \(key.keyID)", key.subject.map { escaped($0.utf8) } ?? "-", readableCount(key.record),
                        "\(key.fingerprint)",
                    ])
                }
                table.lines.forEach { Output.line($0) }
            }
        }
    }
}
