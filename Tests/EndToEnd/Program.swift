import Foundation
import Synchronization
import TestSupport

/// One of Assay's own programs as a process; what it writes goes into a file.
final class Program: Sendable {
    private let process: Mutex<ChildProcess>
    private let outputFile: URL

    /// What every program here is told: several verifiers run on one machine, and must not meet at a port.
    private static let variables = ["ASSAY_VERIFIER_MONITORING_PORT": "0"]

    /// Starts a program that was built beside the tests.
    convenience init(
        _ name: String, _ arguments: [String], input: String? = nil, in folder: URL,
        environment: [String: String] = [:]
    ) throws {
        try self.init(path: Self.path(of: name), arguments, input: input, in: folder, environment: environment)
    }

    /// Starts any program.
    ///
    /// - Parameters:
    ///   - input: the file, or the terminal, that is its standard input; nil for none.
    ///   - environment: variables over those of the tests.
    init(
        path: String, _ arguments: [String], input: String? = nil, in folder: URL, environment: [String: String] = [:]
    ) throws {
        outputFile = folder.appending(path: "program-\(UUID().uuidString).out")
        process = Mutex(
            try ChildProcess(
                path, arguments, input: input, output: outputFile.path,
                environment: Self.variables.merging(environment) { _, own in own }))
    }

    /// Where a program is that was built beside the tests.
    static func path(of name: String) -> String {
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        return tests.deletingLastPathComponent().appending(path: name).path
    }

    /// All that it has written.
    var output: String { (try? String(contentsOf: outputFile, encoding: .utf8)) ?? "" }

    var processID: Int32 { process.withLock { $0.id } }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    func send(_ signal: Int32) { process.withLock { $0.send(signal) } }

    /// Ends it without giving it a word.
    func kill() { process.withLock { $0.end(SIGKILL) } }

    /// What it gave to exit, once it has; nil if a signal ended it.
    func exitCode(seconds: Double = 60) async throws -> Int32? {
        try await until("the program's end; so far: \(output)", seconds: seconds) { !isRunning }
        return process.withLock { $0.exitCode }
    }

    /// Waits for words in its output.
    func wait(for words: String) async throws {
        try await until("\"\(words)\" in the program's output: \(output)") { output.contains(words) || !isRunning }
        guard output.contains(words) else { throw Unexpected("ended without \"\(words)\": \(output)") }
    }
}
