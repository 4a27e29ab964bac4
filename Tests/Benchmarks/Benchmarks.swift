import ArgumentParser
import Dispatch
import Synchronization
import Terminal

/// Measures what the issues of speed and memory ask for, as ratios to the yardsticks in Floor, taken in one run.
///
/// A topic is a file with a type of ``Topic``; it adds its rows here.
@main
struct Benchmarks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks", abstract: "Measure Assay against the yardsticks, and print a table.",
        subcommands: [Run.self, Stream.self, AgentProcess.self], defaultSubcommand: Run.self)

    /// All that is measured, in the table's order.
    static var topics: [any Topic.Type] {
        [
            ReplayTopic.self, SignatureTopic.self, MemoryTopic.self, AttestationTopic.self, ProcessTopic.self,
            InstalledTopic.self, ShardTopic.self, TransferTopic.self, StoreTopic.self,
        ]
    }

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Measure and print the table.")

        @Option(help: "Folder for the logs and the built yardsticks; they are kept for the next run.")
        var workspace = ".build/benchmarks"

        @Option(help: "The assay-verifier to measure as a whole process; the agent is beside it.")
        var verifier: String

        @Option(help: "Folder with an earlier build of both programs, to compare the installed ones with.")
        var base: String?

        @Option(help: "Only topics whose name begins so.")
        var only = ""

        @Option(help: "How often each pair is measured; the table shows the median.")
        var rounds = 9

        @Flag(help: "Leave the logs of a million records out.")
        var quick = false

        func run() throws {
            let bench = Bench(
                workspace: try Workspace(workspace), verifier: verifier, base: base, rounds: rounds, isQuick: quick)
            var table = Table(["work", "ratio", "must", "aim", "", "Assay", "yardstick"])
            for topic in Benchmarks.topics where topic.name.hasPrefix(only) {
                for row in try topic.rows(bench) {
                    table.append(row.cells)
                    Output.notice("\(row.work): \(row.cells[1])")
                }
            }
            Output.bytes(table.text())
        }
    }
}

/// What one file of benchmarks measures.
protocol Topic {
    /// By which `--only` chooses.
    static var name: String { get }
    /// Measures, and makes rows of the table.
    static func rows(_ bench: Bench) throws -> [Row]
}

/// What all topics share.
struct Bench {
    let workspace: Workspace
    let verifier: String
    let base: String?
    let rounds: Int
    let isQuick: Bool
}

/// Why there is no number.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Waits for something that takes turns with other tasks. Benchmarks stay on the main thread: a child that is started on
/// another inherits that no signal reaches it.
func awaiting<Success: Sendable>(_ work: @escaping @Sendable () async throws -> Success) throws -> Success {
    let done = DispatchSemaphore(value: 0)
    let box = ResultBox<Success>()
    Task.detached {
        do { box.set(.success(try await work())) } catch { box.set(.failure(error)) }
        done.signal()
    }
    done.wait()
    return try box.get()
}

/// What a task leaves for the thread that waits for it.
private final class ResultBox<Success: Sendable>: Sendable {
    private let result = Mutex<Result<Success, any Error>>(.failure(BenchmarkError("nothing was done")))

    func set(_ new: Result<Success, any Error>) { result.withLock { $0 = new } }
    func get() throws -> Success { try result.withLock { $0 }.get() }
}
