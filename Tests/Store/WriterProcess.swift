import Foundation
import Testing

/// The executable StoreWriter, run as a child.
struct WriterProcess {
    private let process = Process()
    private let output = Pipe()
    private let input = Pipe()

    init(_ arguments: [String]) throws {
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.executableURL = tests.deletingLastPathComponent().appending(path: "StoreWriter")
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = input
        try process.run()
    }

    var processID: Int32 { process.processIdentifier }

    /// Runs it to its end, which must be a success.
    static func run(_ arguments: [String]) throws {
        let process = try WriterProcess(arguments)
        _ = process.readAll()
        process.process.waitUntilExit()
        #expect(process.process.terminationStatus == 0)
    }

    /// Runs it to its end, and returns its lines.
    static func lines(_ arguments: [String]) throws -> [String] {
        let process = try WriterProcess(arguments)
        let output = process.readAll()
        process.process.waitUntilExit()
        return output.split(separator: "\n").map(String.init)
    }

    /// Runs it, kills it some microseconds after its first line, and returns all its lines.
    static func kill(_ arguments: [String], afterFirstLineAnd delay: UInt32) throws -> [String] {
        let process = try WriterProcess(arguments)
        let first = process.readLine()
        // The pipe is read meanwhile: a child that waits for room in it would commit nothing.
        let killer = Thread {
            usleep(delay)
            if process.process.isRunning { Foundation.kill(process.processID, SIGKILL) }
        }
        killer.start()
        let rest = process.readAll()
        process.process.waitUntilExit()
        return [first] + rest.split(separator: "\n").map(String.init)
    }

    /// The next line, read byte by byte so that nothing behind it is taken.
    func readLine() -> String {
        var line: [UInt8] = []
        while let byte = try? output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        return String(decoding: line, as: UTF8.self)
    }

    func kill() {
        Foundation.kill(processID, SIGKILL)
        process.waitUntilExit()
    }

    private func readAll() -> String {
        String(decoding: (try? output.fileHandleForReading.readToEnd()) ?? Data(), as: UTF8.self)
    }
}
