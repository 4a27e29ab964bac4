import AssayCrypto
import Attester
import Foundation
import Shards
import SystemPackage

/// What the agent pays for keeping its host's log: reading it, replaying it for the index, writing the shards to the disk.
enum ShardTopic: Topic {
    static let name = "shards"
    private static let records = 100_000

    static func rows(_ bench: Bench) throws -> [Row] {
        let floor = try Floor(bench)
        let workload = try bench.workspace.log("ng-100k", records: records)
        let directory = bench.workspace.file("shards")
        defer { try? FileManager.default.removeItem(at: directory) }
        let pair = try Pair(rounds: bench.rounds) {
            try Clock.cpu.least(of: 1) { try snapshot(workload, directory) }
        } yardstick: {
            try floor.seconds(workload)
        }
        let wall = try Clock.wall.least(of: 3) { try snapshot(workload, directory) }
        let again = try Clock.wall.least(of: 3) { try refresh(workload, directory) }
        return [
            Row(
                work: "snapshot of 100k records into shards, the agent's CPU", value: pair.cost, bound: .told,
                ours: perRecord(pair.medianOurs, records),
                yardstick: "floor " + perRecord(pair.medianYardstick, records)),
            Row(
                work: "  on the wall, each shard on the disk", value: wall / pair.medianOurs, bound: .told,
                ours: perRecord(wall, records), yardstick: "CPU " + perRecord(pair.medianOurs, records)),
            Row(
                work: "  again, after a restart, nothing new", value: again / wall, bound: .told,
                ours: String(format: "%.2f ms", again * 1e3), yardstick: String(format: "first %.1f ms", wall * 1e3)),
        ]
    }

    private static func snapshot(_ workload: Workload, _ directory: URL) throws {
        try? FileManager.default.removeItem(at: directory)
        try refresh(workload, directory)
    }

    private static func refresh(_ workload: Workload, _ directory: URL) throws {
        let log = MeasurementLog(
            path: FilePath(workload.logFile), settings: .init(directory: FilePath(directory.path)))
        try log.refresh(epoch: BootEpoch(resetCount: 1), banks: [.sha256])
        guard log.nextRecord == UInt64(records) else { throw BenchmarkError("\(log.nextRecord) records stored") }
    }
}
