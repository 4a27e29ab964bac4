import ArgumentParser
import Store
import Terminal

extension AgentsCommand {
    /// Goes back in an agent's log.
    struct Reattest: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have an agent's whole log appraised again, from record 0 of its boot.",
            discussion: """
                An agent that is connected is challenged within a second, another one when it connects; its shards have the \
                log however long ago the kernel freed it. The last verdict stands until there is a new one.
                """)

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.")
        var id: String

        @Option(
            help: ArgumentHelp(
                """
                A record that is to be appraised again with all behind it. The verifier begins at the last position \
                before it that it keeps, and so far that is record 0.
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
            let store = try await options.open(.readWrite)
            defer { store.close() }
            try await reported {
                let id = try AgentID(id)
                try await store.requestReattestation(of: id, from: from, at: currentTime())
                guard !json else {
                    return Output.line(
                        try jsonLine(Request(agent: id.description, from: from, firstRecord: 0)))
                }
                Output.line("\(id) will be asked for its log from record 0: at once if it is connected")
                if from > 0 {
                    Output.notice("no position is kept between record 0 and record \(from), so all of it is appraised")
                }
            }
        }
    }
}
