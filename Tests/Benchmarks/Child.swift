import Foundation

/// A program that was run to its end.
struct Child {
    let outputBytes: Data
    let status: Int32
    /// Seconds of CPU, in user and system mode.
    let cpu: Double

    /// Runs a program; its standard error is this process's.
    @discardableResult
    static func run(_ program: String, _ arguments: [String]) throws -> Child {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        let before = childrenSeconds
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Child(
            outputBytes: output, status: process.terminationStatus, cpu: childrenSeconds - before)
    }

    var output: String { String(decoding: outputBytes, as: UTF8.self) }

    /// Of all children that have ended: they run one at a time.
    private static var childrenSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(microseconds) / 1e6
    }

    /// Whether a program can be found.
    static func exists(_ program: String) -> Bool {
        (try? run("sh", ["-c", "command -v \(program)"]))?.status == 0
    }
}
