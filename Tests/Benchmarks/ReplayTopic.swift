import Foundation

/// Logs without signatures: replay, policy and match, against the floor and against evmctl, which has no policy.
enum ReplayTopic: Topic {
    static let name = "replay"

    static func rows(_ bench: Bench) throws -> [Row] {
        let floor = try Floor(bench)
        var rows: [Row] = []
        for (label, records) in [("100k", 100_000), ("1M", 1_000_000)] where records == 100_000 || !bench.isQuick {
            let workload = try bench.workspace.log("ng-\(label)", records: records)
            let pair = try Pair(rounds: records == 100_000 ? bench.rounds : 5) {
                try Clock.cpu.least(of: 3) { try workload.appraise() }
            } yardstick: {
                try floor.seconds(workload)
            }
            rows.append(
                Row(
                    work: "\(label) ima-ng records, policy and match", value: pair.speed,
                    bound: .atLeast(must: 0.5, aim: 0.75), ours: perRecord(pair.medianOurs, records),
                    yardstick: "floor " + perRecord(pair.medianYardstick, records)))
            rows.append(try wholeProcess(label, records, workload, pair.medianOurs))
            if records == 100_000, let row = try evmctl(workload, records, ours: pair.medianOurs) { rows.append(row) }
        }
        return rows
    }

    /// The cross-check: a whole process over the log less one over its first record, with the same policy.
    private static func wholeProcess(
        _ label: String, _ records: Int, _ workload: Workload, _ inProcess: Double
    ) throws -> Row {
        let pair = try Pair(rounds: 5) {
            try Stream.child(workload).cpu
        } yardstick: {
            try Stream.child(workload, limit: 200).cpu
        }
        let seconds = pair.medianOurs - pair.medianYardstick
        return Row(
            work: "  as a whole process less one without records", value: seconds / inProcess, bound: .told,
            ours: perRecord(seconds, records), yardstick: "in process " + perRecord(inProcess, records))
    }

    private static func evmctl(_ workload: Workload, _ records: Int, ours: Double) throws -> Row? {
        guard Child.exists("evmctl") else { return nil }
        let runs = try (0..<5).map { _ in
            try Child.run(
                "evmctl", ["ima_measurement", "--pcrs", "sha256,\(workload.prefix).pcrs.sha256", workload.logFile])
        }
        guard runs.allSatisfy({ $0.status == 0 }) else { return nil }
        let seconds = Pair.median(runs.map(\.cpu))
        return Row(
            work: "  the same against evmctl, which has no policy", value: seconds / ours,
            bound: .atLeast(must: 3, aim: 4.5), ours: perRecord(ours, records),
            yardstick: "evmctl " + perRecord(seconds, records))
    }
}

/// Nanoseconds a record.
func perRecord(_ seconds: Double, _ records: Int) -> String {
    String(format: "%.0f ns/record", seconds / Double(records) * 1e9)
}
