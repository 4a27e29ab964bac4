import Foundation

/// `assay-verifier appraise` as a script calls it, from its start to its verdict, the policy in JSON.
enum ProcessTopic: Topic {
    static let name = "process"

    static func rows(_ bench: Bench) throws -> [Row] {
        guard Child.exists("evmctl") else { return [] }
        let workload = try bench.workspace.log("ng-10k", records: 10_000)
        let pair = try Pair(rounds: bench.rounds) {
            let arguments = [
                "appraise", "--log", workload.logFile, "--policy", workload.policyFile, "--pcr",
                "sha256:\(workload.pcr)",
            ]
            let child = try Child.run(bench.verifier, arguments)
            guard child.status == 0 else { throw BenchmarkError("appraise: \(child.output)") }
            return child.cpu
        } yardstick: {
            try Child.run(
                "evmctl", ["ima_measurement", "--pcrs", "sha256,\(workload.prefix).pcrs.sha256", workload.logFile]
            ).cpu
        }
        return [
            Row(
                work: "assay-verifier appraise, 10k records, the whole process", value: pair.cost,
                bound: .atMost(must: 2, aim: 1), ours: String(format: "%.1f ms", pair.medianOurs * 1e3),
                yardstick: String(format: "evmctl %.1f ms", pair.medianYardstick * 1e3))
        ]
    }
}
