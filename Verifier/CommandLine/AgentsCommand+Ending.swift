import ArgumentParser
import Store
import Terminal

extension AgentsCommand {
    /// Refuses an agent from now on.
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Trust an agent no longer: its connections are refused, an open one ends.",
            discussion: "What is known of it stays, for whoever wants to know what went wrong.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.", completion: .agents)
        var id: String

        @Flag(help: "Take a revocation back.")
        var undo = false

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Revoked: Encodable {
            let agent: String
            let isRevoked: Bool
        }

        func run() async throws {
            let store = try await options.open(.existing)
            defer { store.close() }
            try await reported {
                let id = try AgentID(id)
                try await store.setRevocation(of: id, at: undo ? nil : currentTime())
                if json { return Output.line(try jsonLine(Revoked(agent: id.description, isRevoked: !undo))) }
                guard !undo else { return Output.line("\(id) is trusted to attest again") }
                Output.line("revoked \(id): its connections are refused from now on, an open one ends within seconds")
                Output.notice(
                    "to forget it: assay-verifier agents remove \(id.shellWord); to take it back: "
                        + "assay-verifier agents revoke \(id.shellWord) --undo")
            }
        }
    }

    /// Forgets an agent.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget an agent, and all that is known of it.",
            discussion: "An open connection ends. Whoever was it has to be invited or added again to come back.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.", completion: .agents)
        var id: String

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Removed: Encodable {
            let removed: String
        }

        func run() async throws {
            let store = try await options.open(.existing)
            defer { store.close() }
            try await reported {
                let id = try AgentID(id)
                try await store.remove(id)
                if json { return Output.line(try jsonLine(Removed(removed: id.description))) }
                Output.line("removed \(id), and all that was known of it")
                Output.notice("to have it back: assay-verifier invite --id \(id.shellWord) --policy NAME")
            }
        }
    }
}
