import Foundation

/// What a process has used so far, as /proc tells.
struct ProcessUsage {
    /// Seconds of CPU, in user and system mode.
    let cpu: Double
    /// MiB at its peak.
    let peak: Double
    /// MiB in RAM now.
    let resident: Double

    static func own() -> ProcessUsage {
        (try? ProcessUsage(of: getpid())) ?? ProcessUsage(cpu: .nan, peak: .nan, resident: .nan)
    }

    private init(cpu: Double, peak: Double, resident: Double) {
        self.cpu = cpu
        self.peak = peak
        self.resident = resident
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
        self.init(
            cpu: (user + system) / Double(sysconf(Int32(_SC_CLK_TCK))), peak: Self.mebibytes("VmHWM:", in: status),
            resident: Self.mebibytes("VmRSS:", in: status))
    }

    private static func mebibytes(_ name: String, in status: String) -> Double {
        let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
        let kibibytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? .nan
        return kibibytes / 1024
    }
}
