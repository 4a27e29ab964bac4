import Appraisal
import Foundation

/// Logs half of which have signatures, each another: the first host, the first host on two cores, and the second host.
enum SignatureTopic: Topic {
    static let name = "signatures"
    private static let records = 100_000

    static func rows(_ bench: Bench) throws -> [Row] {
        let floor = try Floor(bench)
        let rsa = try bench.workspace.log("rsa-100k", records: records, mix: "ng=50,sig-rsa2048=50")
        let p256 = try bench.workspace.log("p256-100k", records: records, mix: "ng=50,sig-p256=50")
        return [
            try verified(bench, floor, rsa, "RSA-2048", "rsa2048", must: 0.85, aim: 0.95),
            try verified(bench, floor, p256, "P-256", "p256", must: 0.9, aim: 0.97),
            try twoCores(rsa, "RSA-2048"),
            try twoCores(p256, "P-256"),
            try remembered(bench, floor, rsa, "RSA-2048"),
            try remembered(bench, floor, p256, "P-256"),
        ]
    }

    private static func verified(
        _ bench: Bench, _ floor: Floor, _ workload: Workload, _ kind: String, _ key: String, must: Double, aim: Double
    ) throws -> Row {
        let pair = try Pair(rounds: (bench.rounds + 1) / 2) {
            try Clock.cpu.least(of: 1) { try workload.appraise(memory: VerifiedSignatures()) }
        } yardstick: {
            try floor.seconds(workload, certificate: key, rounds: 1)
        }
        return Row(
            work: "100k records, half with distinct \(kind) signatures", value: pair.speed,
            bound: .atLeast(must: must, aim: aim), ours: perRecord(pair.medianOurs, records),
            yardstick: "floor " + perRecord(pair.medianYardstick, records))
    }

    private static func twoCores(_ workload: Workload, _ kind: String) throws -> Row {
        let pair = try Pair(rounds: 3) {
            try Clock.wall.least(of: 2) { try workload.appraise(threads: 2) }
        } yardstick: {
            try Clock.wall.least(of: 2) { try workload.appraise(threads: 1) }
        }
        let load = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?.prefix(4) ?? ""
        return Row(
            work: "the same, \(kind), on two cores, wall (load \(load): idle cores are asked for)", value: pair.speed,
            bound: .atLeast(must: 1.7, aim: 1.9), ours: String(format: "%.2f s", pair.medianOurs),
            yardstick: String(format: "one thread %.2f s", pair.medianYardstick))
    }

    private static func remembered(
        _ bench: Bench, _ floor: Floor, _ workload: Workload, _ kind: String
    ) throws -> Row {
        let memory = VerifiedSignatures()
        try workload.appraise(memory: memory)
        let pair = try Pair(rounds: bench.rounds) {
            try Clock.cpu.least(of: 3) { try workload.appraise(memory: memory) }
        } yardstick: {
            try floor.seconds(workload)
        }
        return Row(
            work: "the same log, \(kind), of a second host", value: pair.speed,
            bound: .atLeast(must: 0.45, aim: 0.7), ours: perRecord(pair.medianOurs, records),
            yardstick: "floor without signatures " + perRecord(pair.medianYardstick, records))
    }
}
