import Foundation

/// What the programs cost a host before they do anything: the file, the start, the memory of an agent at rest.
///
/// The yardstick is an earlier build of them; without one the numbers are told alone.
enum InstalledTopic: Topic {
    static let name = "process, installed"

    static func rows(_ bench: Bench) throws -> [Row] {
        let ours = try Programs(
            builtIn: URL(filePath: bench.verifier).deletingLastPathComponent(),
            strippedInto: bench.workspace.file("installed"))
        let base = try bench.base.map {
            try Programs(builtIn: URL(filePath: $0), strippedInto: bench.workspace.file("installed-base"))
        }
        return try files(ours, base) + starts(ours, base, rounds: bench.rounds) + resting(ours, base, bench)
    }

    private static func files(_ ours: Programs, _ base: Programs?) throws -> [Row] {
        try ours.all.enumerated().map { index, program in
            row(
                "\(program.lastPathComponent), the stripped file", .megabytes, try size(of: program),
                try base.map { try size(of: $0.all[index]) }, .atMost(must: 0.35, aim: 0.2))
        }
    }

    private static func size(of file: URL) throws -> Double {
        Double(try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0) / 1e6
    }

    private static func starts(_ ours: Programs, _ base: Programs?, rounds: Int) throws -> [Row] {
        try ours.all.enumerated().flatMap { index, program in
            var times: [(wall: Double, cpu: Double)] = []
            var baseTimes: [(wall: Double, cpu: Double)] = []
            for _ in 0..<max(1, rounds) {
                times.append(try Programs.start(program))
                if let base { baseTimes.append(try Programs.start(base.all[index])) }
            }
            let milliseconds = { (times: [Double]) in times.isEmpty ? nil : Pair.median(times) * 1e3 }
            let name = program.lastPathComponent
            return [
                row(
                    "\(name) --version, from start to end", .milliseconds, milliseconds(times.map(\.wall)) ?? .nan,
                    milliseconds(baseTimes.map(\.wall)), .atMost(must: 0.6, aim: 0.5)),
                row(
                    "… its CPU", .milliseconds, milliseconds(times.map(\.cpu)) ?? .nan,
                    milliseconds(baseTimes.map(\.cpu)), .told),
            ]
        }
    }

    private static func resting(_ ours: Programs, _ base: Programs?, _ bench: Bench) throws -> [Row] {
        guard Child.exists("swtpm") else { return [] }
        var memory: [RestingHost.Memory] = []
        var baseMemory: [RestingHost.Memory] = []
        for _ in 0..<min(bench.rounds, 3) {
            memory.append(try RestingHost.memory(of: ours))
            if let base { baseMemory.append(try RestingHost.memory(of: base)) }
        }
        let mebibytes = { (values: [Double]) in values.isEmpty ? nil : Pair.median(values) }
        return [
            row(
                "the agent at rest, memory in RAM", .mebibytes, mebibytes(memory.map(\.agent)) ?? .nan,
                mebibytes(baseMemory.map(\.agent)), .atMost(must: 0.6, aim: 0.5)),
            row(
                "… the verifier beside it", .mebibytes, mebibytes(memory.map(\.verifier)) ?? .nan,
                mebibytes(baseMemory.map(\.verifier)), .told),
        ]
    }

    private enum Unit: String {
        case megabytes = "MB"
        case milliseconds = "ms"
        case mebibytes = "MiB"
    }

    private static func row(
        _ work: String, _ unit: Unit, _ ours: Double, _ base: Double?, _ bound: Row.Bound
    ) -> Row {
        let said = { (value: Double) in String(format: "%.1f \(unit.rawValue)", value) }
        guard let base else {
            return Row(
                work: work, value: ours, unit: " \(unit.rawValue)", bound: .told, ours: said(ours), yardstick: "")
        }
        return Row(
            work: work, value: ours / base, bound: bound, ours: said(ours), yardstick: "earlier build \(said(base))")
    }
}
