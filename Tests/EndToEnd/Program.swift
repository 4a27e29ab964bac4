import Foundation
import Synchronization
import TestSupport

/// One of Assay's own programs as a process; what it writes goes into a file.
final class Program: Sendable {
    private let process: Mutex<ChildProcess>
    private let outputFile: URL

    /// Starts a program that was built beside the tests.
    convenience init(_ name: String, _ arguments: [String], in folder: URL) throws {
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        try self.init(path: tests.deletingLastPathComponent().appending(path: name).path, arguments, in: folder)
    }

    /// Starts any program.
    init(path: String, _ arguments: [String], in folder: URL) throws {
        outputFile = folder.appending(path: "program-\(UUID().uuidString).out")
        process = Mutex(try ChildProcess(path, arguments, output: outputFile.path))
    }

    /// All that it has written.
    var output: String { (try? String(contentsOf: outputFile, encoding: .utf8)) ?? "" }

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
