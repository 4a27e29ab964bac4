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
            let showsColour = Output.showsColour
            var table = Table(AgentStatus.header, rightAligned: AgentStatus.numbers)
            try await reported {
                try await store.eachAgent { entry in
                    switch entry {
                    case .success(let summary):
                        let status = AgentStatus(
                            summary, keys: try store.keyCount(of: summary), now: now, maximumAge: maximumAge,
                            identity: identity)
                        if json {
                            Output.line(try jsonLine(status))
                        } else {
                            table.append(status.row, styles: showsColour ? status.styles : [:])
                        }
                    case .failure(let error): Output.notice("\(error)")
                    }
                }
            }
            if !json { Output.lines(table.lines(coloured: showsColour)) }
        }
    }
}

extension Store {
    /// Visits all agents, ascending by id; of one whose value is damaged, the error. While pages are visited the next two
    /// are read, each on a core of its own where there are two.
    func eachAgent(_ visit: (Result<AgentSummary, StoreError>) throws -> Void) async throws {
        let ends = try agentPages(of: Self.pageLength)
        var read = try page(0, ends)
        for next in stride(from: 1, through: ends.count + 1, by: 2) {
            async let first = page(next, ends)
            async let second = page(next + 1, ends)
            for entry in read { try visit(entry) }
            read = try await first + second
        }
        for entry in read { try visit(entry) }
    }

    private static var pageLength: Int { 1000 }

    /// - Parameter number: from 0; behind the last end comes one page more, of agents that were enrolled meanwhile.
    private func page(_ number: Int, _ ends: [AgentID]) throws(StoreError) -> [Result<AgentSummary, StoreError>] {
        guard number <= ends.count else { return [] }
        return try agents(
            after: number > 0 ? ends[number - 1] : nil, through: number < ends.count ? ends[number] : nil, limit: .max)
    }

    /// How many keys were learned from an agent's log; counted anew only where an older release has kept the state.
    func keyCount(of summary: AgentSummary) throws(StoreError) -> Int {
        guard let state = summary.state else { return 0 }
        if let count = state.keyCount { return Int(count) }
        return try keyrings(of: summary.agent.id).keyrings.values.reduce(0) { $0 + $1.count }
    }
}
