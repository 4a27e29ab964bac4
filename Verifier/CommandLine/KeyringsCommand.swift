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
        abstract: "Show the keys that were learned from hosts' logs; deny one, or allow it again.",
        subcommands: [Show.self, History.self, Deny.self, Allow.self, Denied.self])

    /// Shows one agent's keyrings.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show an agent's keyrings and the keys learned on each.",
            discussion: "The kernel logs no removal: what is shown was loaded at some time in this boot epoch.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.", completion: .agents)
        var id: String

        @Flag(help: "One JSON object on one line.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let shown = try await reported { try ShownKeyrings(of: AgentID(id), in: store) }
            if json { return Output.line(try jsonLine(shown)) }
            if shown.keyrings.isEmpty { return Output.notice("no keys were learned") }
            Output.lines(shown.tree(on: Output.medium))
        }
    }

    /// Shows the keys that an agent's keyrings ever had.
    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which keys an agent's keyrings have had, over all its boots: when each came, and went.",
            discussion: "A key is gone when a boot's log no longer brings it. How many are kept: history.events.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.", completion: .agents)
        var id: String

        @Flag(help: "One JSON object a line.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let keys = try await reported {
                let denied = try store.denials()
                return try store.keyHistory(of: AgentID(id)).map { PastKey($0, deniedSince: denied[$0.fingerprint]) }
            }
            if json { return try keys.forEach { Output.line(try jsonLine($0)) } }
            if keys.isEmpty { return Output.notice("no key was ever learned") }
            var table = Table(
                [
                    "KEYRING", "KEY ID", "SUBJECT", "FIRST SEEN", "LAST SEEN", "BOOTS", "NOW",
                    "PUBLIC KEY",
                ],
                rightAligned: [5])
            for key in keys { table.append(key.row) }
            Output.table(table)
        }
    }

    /// Lists the denied keys.
    struct Denied: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys that are denied, and since when.")

        @OptionGroup var options: StoreOptions

        @Flag(help: "One JSON object a line.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let keys = try await reported { try store.deniedKeys() }.map { key in
                DeniedLine(publicKeySha256: "\(key.keyHash)", deniedSince: key.changedAt)
            }
            if json { return try keys.forEach { Output.line(try jsonLine($0)) } }
            if keys.isEmpty { return Output.notice("no key is denied") }
            for key in keys { Output.line("\(key.publicKeySha256)  since \(readableTime(key.deniedSince))") }
        }

        private struct DeniedLine: Encodable {
            let publicKeySha256: String
            let deniedSince: Int64
        }
    }
}

extension Store {
    /// The denied keys, each with the time since when.
    func denials() throws(StoreError) -> [Digest: Int64] {
        Dictionary(try deniedKeys().map { ($0.keyHash, $0.changedAt) }) { first, _ in first }
    }
}
