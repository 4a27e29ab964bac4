import Appraisal
import ArgumentParser
import Store
import Terminal

extension AgentsCommand {
    /// Lists agents.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List all agents: tier, age of the verdict, boot epoch, records, keys, state.",
            discussion: """
                STATE says why: current; behind, a transfer is in progress; rebooted; unreachable, which is not \
                distrust; contraindicated; never attested; revoked.
                """)

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
            var table = Table(AgentStatus.header, rightAligned: AgentStatus.numbers)
            try await reported {
                try store.eachAgent { entry in
                    switch entry {
                    case .success(let summary):
                        let status = AgentStatus(
                            summary, keys: try store.keyCount(of: summary), now: now, maximumAge: maximumAge,
                            identity: identity)
                        if json {
                            Output.line(try jsonLine(status))
                        } else {
                            table.append(status.row, styles: Output.showsColour ? status.styles : [:])
                        }
                    case .failure(let error): Output.notice("\(error)")
                    }
                }
            }
            if !json { Output.lines(table.lines(coloured: Output.showsColour)) }
        }
    }
}

extension Store {
    /// Visits all agents, ascending by id; of one whose value is damaged, the error.
    func eachAgent(_ visit: (Result<AgentSummary, StoreError>) throws -> Void) throws {
        let pageLength = 1000
        var last: AgentID?
        while true {
            let page = try agents(after: last, limit: pageLength)
            for entry in page {
                switch entry {
                case .success(let summary): last = summary.agent.id
                case .failure(let error): last = try error.place.agent.map { try AgentID($0) } ?? last
                }
                try visit(entry)
            }
            guard page.count == pageLength else { return }
        }
    }

    /// How many keys were learned from an agent's log; counted anew only where an older release has kept the state.
    func keyCount(of summary: AgentSummary) throws(StoreError) -> Int {
        guard let state = summary.state else { return 0 }
        if let count = state.keyCount { return Int(count) }
        return try keyrings(of: summary.agent.id).keyrings.values.reduce(0) { $0 + $1.count }
    }
}
