import Foundation

/// What a process has used so far, as /proc tells.
struct ProcessUsage {
    /// Seconds of CPU, in user and system mode.
    let cpu: Double
    /// MiB at its peak.
    let peak: Double

    static func own() -> ProcessUsage { (try? ProcessUsage(of: getpid())) ?? ProcessUsage(cpu: .nan, peak: .nan) }

    private init(cpu: Double, peak: Double) {
        self.cpu = cpu
        self.peak = peak
    }

    /// - Throws: if there is no such process.
    init(of process: pid_t) throws {
        let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        // Behind the name, which may hold anything: utime and stime are the fields 14 and 15 of all.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
            throw BenchmarkError("/proc/\(process)/stat: \(stat)")
        }
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kibibytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? .nan
        self.init(cpu: (user + system) / Double(sysconf(Int32(_SC_CLK_TCK))), peak: kibibytes / 1024)
    }
}
