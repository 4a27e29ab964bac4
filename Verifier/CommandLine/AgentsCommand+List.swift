import Appraisal
import ArgumentParser
import Server
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
            let policies = PolicyCache(store: store)
            var table = Table(AgentStatus.header, rightAligned: AgentStatus.numbers)
            try await reported {
                try await store.eachAgent { entry in
                    switch entry {
                    case .success(let summary):
                        let status = AgentStatus(
                            summary, keys: try store.keyCount(of: summary),
                            // The table has no column for it.
                            boot: json ? policies.boot(of: summary.verdict) : .none, now: now,
                            maximumAge: maximumAge, identity: identity)
                        if json {
                            Output.line(try jsonLine(status))
                        } else {
                            table.append(status.row, styles: Output.medium.showsColour ? status.styles : [:])
                        }
                    case .failure(let error): Output.notice("\(error)")
                    }
                }
            }
            if !json { Output.table(table) }
        }
    }
}

extension Store {
    /// Visits all agents, ascending by id; of one whose value is damaged, the error. While a page is visited the next one
    /// is read.
    func eachAgent(_ visit: (Result<AgentSummary, StoreError>) throws -> Void) async throws {
        let pageLength = 1000
        var page = try agents(limit: pageLength)
        while page.count == pageLength, let last = try page.lastID {
            async let next = agents(after: last, limit: pageLength)
            for entry in page { try visit(entry) }
            page = try await next
        }
        for entry in page { try visit(entry) }
    }

    /// How many keys were learned from an agent's log; counted anew only where an older release has kept the state.
    func keyCount(of summary: AgentSummary) throws(StoreError) -> Int {
        guard let position = summary.position else { return 0 }
        if let count = position.keyCount { return Int(count) }
        return try keyrings(of: summary.id).count
    }
}
