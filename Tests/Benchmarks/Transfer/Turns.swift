import Foundation

/// Two works that run by turns until one of them is done: what the rest of the machine does meets both alike.
struct Turns {
    private let first: [Process]
    private let second: [Process]

    init(_ first: [Process], _ second: [Process]) {
        self.first = first
        self.second = second
    }

    /// Keeps all of them, and their threads, on the first processor that this process may use.
    func pinToOneProcessor() throws {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let allowed = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
        guard let processor = allowed?.split(whereSeparator: { !$0.isNumber }).first else {
            throw BenchmarkError("no processor in /proc/self/status")
        }
        for process in first + second {
            let arguments = ["-acp", "\(processor)", "\(process.processIdentifier)"]
            guard try Child.run("taskset", arguments).status == 0 else { throw BenchmarkError("taskset \(arguments)") }
        }
    }

    /// Returns when one of the processes has ended; the others go on then.
    ///
    /// - Parameter slice: of a turn, in seconds.
    func take(slice: TimeInterval) {
        while (first + second).allSatisfy(\.isRunning) {
            letRun(first, not: second)
            Thread.sleep(forTimeInterval: slice)
            letRun(second, not: first)
            Thread.sleep(forTimeInterval: slice)
        }
        letRun(first + second, not: [])
    }

    private func letRun(_ running: [Process], not waiting: [Process]) {
        for process in waiting where process.isRunning { kill(process.processIdentifier, SIGSTOP) }
        for process in running where process.isRunning { kill(process.processIdentifier, SIGCONT) }
    }
}
