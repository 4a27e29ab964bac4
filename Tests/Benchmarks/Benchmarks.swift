import ArgumentParser
import Terminal

/// Measures what the issues of speed and memory ask for, as ratios to the yardsticks in Floor, taken in one run.
///
/// A topic is a file with a type of ``Topic``; it adds its rows here.
@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks", abstract: "Measure Assay against the yardsticks, and print a table.",
        subcommands: [Run.self, Stream.self, AgentProcess.self], defaultSubcommand: Run.self)

    /// All that is measured, in the table's order.
    static var topics: [any Topic.Type] {
        [
            ReplayTopic.self, SignatureTopic.self, MemoryTopic.self, AttestationTopic.self, ProcessTopic.self,
            ShardTopic.self, TransferTopic.self, StoreTopic.self,
        ]
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Measure and print the table.")

        @Option(help: "Folder for the logs and the built yardsticks; they are kept for the next run.")
        var workspace = ".build/benchmarks"

        @Option(help: "The assay-verifier to measure as a whole process.")
        var verifier: String

        @Option(help: "Only topics whose name begins so.")
        var only = ""

        @Option(help: "How often each pair is measured; the table shows the median.")
        var rounds = 9

        @Flag(help: "Leave the logs of a million records out.")
        var quick = false

        func run() async throws {
            let bench = Bench(workspace: try Workspace(workspace), verifier: verifier, rounds: rounds, isQuick: quick)
            var table = Table(["work", "ratio", "must", "aim", "", "Assay", "yardstick"])
            for topic in Benchmarks.topics where topic.name.hasPrefix(only) {
                for row in try await topic.rows(bench) {
                    table.append(row.cells)
                    Output.notice("\(row.work): \(row.cells[1])")
                }
            }
            table.lines.forEach { Output.line($0) }
        }
    }
}

/// What one file of benchmarks measures.
protocol Topic {
    /// By which `--only` chooses.
    static var name: String { get }
    /// Measures, and makes rows of the table.
    static func rows(_ bench: Bench) async throws -> [Row]
}

/// What all topics share.
struct Bench {
    let workspace: Workspace
    let verifier: String
    let rounds: Int
    let isQuick: Bool
}

/// Why there is no number.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
