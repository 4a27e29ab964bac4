import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Foundation
import Terminal

/// What a log's length adds to a process's memory: nothing.
enum MemoryTopic: Topic {
    static let name = "memory"

    static func rows(_ bench: Bench) throws -> [Row] {
        var rows: [Row] = []
        for (label, records) in [("10k", 10_000), ("100k", 100_000), ("1M", 1_000_000)]
        where records < 1_000_000 || !bench.isQuick {
            let workload = try bench.workspace.log("ng-\(label)", records: records)
            let pair = try Pair(rounds: 3) {
                try Stream.child(workload).peak
            } yardstick: {
                try Stream.child(workload, limit: 200).peak
            }
            let difference = pair.medianOurs - pair.medianYardstick
            rows.append(
                Row(
                    work: "peak memory that a log of \(label) records adds", value: difference, unit: " MiB",
                    bound: .atMost(must: 16, aim: 8), ours: String(format: "%.1f MiB", pair.medianOurs),
                    yardstick: String(format: "one record %.1f MiB", pair.medianYardstick)))
        }
        return rows
    }
}

/// A process of its own that appraises a log as it streams in, in shards of 1 MiB, by a compiled policy.
struct Stream: ParsableCommand {
    static let configuration = CommandConfiguration(shouldDisplay: false)

    @Argument var compiled: String
    @Argument var pcr: String
    @Argument var log: String
    @Option var limit = Int.max

    /// What a run of it cost.
    struct Cost {
        /// Seconds of CPU for the records alone; the policy was read before.
        let appraisal: Double
        /// Seconds of CPU in all.
        let cpu: Double
        /// MiB at its peak.
        let peak: Double
    }

    /// Runs one to its end.
    ///
    /// - Parameter limit: bytes of the log that are read.
    static func child(_ workload: Workload, limit: Int? = nil) throws -> Cost {
        let arguments =
            arguments(compiled: workload.compiledFile, pcr: workload.pcr, log: workload.logFile)
            + (limit.map { ["--limit", "\($0)"] } ?? [])
        let child = try Child.run(CommandLine.arguments[0], arguments)
        guard child.status == 0 else { throw BenchmarkError("stream \(arguments) failed") }
        let (appraisal, peak) = try numbers(child.output)
        return Cost(appraisal: appraisal, cpu: child.cpu, peak: peak)
    }

    /// How to run one over any log that the policy allows.
    static func arguments(compiled: String, pcr: Digest, log: String) -> [String] {
        ["stream", compiled, "\(pcr)", log]
    }

    /// What it printed: seconds of CPU for the records, and MiB at its peak.
    static func numbers(_ output: String) throws -> (appraisal: Double, peak: Double) {
        let numbers = output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard numbers.count == 2 else { throw BenchmarkError("stream printed \(output)") }
        return (numbers[0], numbers[1])
    }

    func run() throws {
        let policy = try Policy(compiled: [UInt8](try Self.contents(compiled)))
        guard let value = [UInt8](hexadecimal: pcr).flatMap({ Digest($0) }), let file = fopen(log, "r") else {
            throw BenchmarkError("\(log): cannot be read")
        }
        defer { fclose(file) }
        let seconds = try Clock.cpu.least(of: 1) { try appraise(policy, QuotedPCRs(.sha256, 10, value), file) }
        Output.line("\(seconds) \(Self.peak)")
    }

    private func appraise(_ policy: Policy, _ quote: QuotedPCRs, _ file: UnsafeMutablePointer<FILE>) throws {
        var appraiser = Appraiser(policy: policy, quote: quote)
        var shard = [UInt8](repeating: 0, count: 2 << 20)
        var held = 0
        var left = limit
        while left > 0 {
            let wanted = min(1 << 20, left)
            let count = shard.withUnsafeMutableBytes { fread($0.baseAddress.map { $0 + held }, 1, wanted, file) }
            guard count > 0 else { break }
            left -= count
            held += count
            let read = appraiser.appraise(shard.span.extracting(0..<held))
            shard.replaceSubrange(0..<held - read, with: Array(shard[read..<held]))
            held -= read
        }
        let outcome = appraiser.finish()
        guard limit < Int.max || outcome.tier == .affirming else { throw BenchmarkError("\(outcome.findings.kept)") }
    }

    /// A file as an array, without a second copy of it at the peak.
    private static func contents(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw BenchmarkError("\(path): cannot be read") }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let size = ftell(file)
        fseek(file, 0, SEEK_SET)
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = fread(buffer.baseAddress, 1, size, file)
        }
    }

    /// The process's peak so far, in MiB: VmHWM, for what getrusage tells includes the parent before exec.
    private static var peak: Double {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }.map { $0 / 1024 } ?? .nan
    }
}
