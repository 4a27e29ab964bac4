import ArgumentParser
import Store
import Terminal

extension AgentsCommand {
    /// Goes back in an agent's log.
    struct Reattest: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have an agent's log appraised again, from record 0 of its boot or from a later one.",
            discussion: """
                An agent that is connected is challenged within a second, another one when it connects; its shards have the \
                log however long ago the kernel freed it. The last verdict stands until there is a new one.
                """)

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.", completion: .agents)
        var id: String

        @Option(
            help: ArgumentHelp(
                """
                A record that is to be appraised again with all behind it. The verifier keeps a few positions of a log \
                and begins at the last one up to this record.
                """, valueName: "record"))
        var from: UInt64 = 0

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Request: Encodable {
            let agent: String
            /// What was asked for.
            let from: UInt64
            /// Where the verifier begins.
            let firstRecord: UInt64
        }

        func run() async throws {
            let store = try await options.open(.existing)
            defer { store.close() }
            try await reported {
                let id = try AgentID(id)
                let first = try await store.requestReattestation(of: id, from: from, at: currentTime())
                guard !json else {
                    return Output.line(
                        try jsonLine(Request(agent: id.description, from: from, firstRecord: first)))
                }
                Output.line("\(id) will be asked for its log from record \(first): at once if it is connected")
                if first < from {
                    Output.notice("no position is kept between record \(first) and record \(from)")
                }
            }
        }
    }
}
