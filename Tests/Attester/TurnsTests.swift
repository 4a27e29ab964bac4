import FolderKernel
import Foundation
import Glibc
import IMA
import Shards
import SystemPackage
import TestSupport
import Testing

@testable import Attester

@Suite("Processes that keep one log, in turns and at once") struct TurnsTests {
    @Test("lose no record and double none, whoever trims, is killed or is kept out", arguments: 0..<4)
    func random(run: Int) throws {
        let seed = UInt64.random(in: 0..<1 << 32)
        print("processes that keep one log, run \(run): seed \(seed)")
        try LogWorkshop.run { workshop in
            var host = try TurnsHost(workshop, seed: seed)
            for _ in 0..<60 { try host.step() }
            let said = try host.finish()
            #expect(host.kernel.length == 0, "seed \(seed)")
            var reader = try ShardReader(root: workshop.shards)
            let stored = try reader.records(from: 0, to: .max, maximumBytes: .max)
            #expect(stored.count == UInt64(host.log.count) && stored.bytes == host.log.bytes, "seed \(seed)")
            #expect(try reader.replay(towards: host.log.values()) == UInt64(host.log.count), "seed \(seed)")
            #expect(!said.contains("another program") && !said.contains("isn't the log"), "seed \(seed): \(said)")
        }
    }

    @Test("one of which is killed at any event, however like the new list is to the one that was deleted")
    func killed() throws {
        var fatal = 1
        var events = 1
        while fatal <= events {
            try LogWorkshop.run { workshop in
                var host = try TurnsHost(workshop, seed: 0)
                try host.measure { log in
                    log.bootAggregate()
                    log.violation("/same")
                }
                try #require(try host.run(fatal: 0) != nil)
                try host.measure { $0.violation("/same") }
                let count = try host.run(fatal: fatal)
                if let count { events = count } else { events = max(events, fatal + 1) }
                // Two others go on, with the same record again between them.
                try host.measure { $0.violation("/same") }
                try #require(try host.run(fatal: 0) != nil)
                try host.measure { $0.violation("/same") }
                #expect(try host.finish() == "", "killed at event \(fatal)")
                var reader = try ShardReader(root: workshop.shards)
                #expect(
                    try reader.records(from: 0, to: .max, maximumBytes: .max).bytes == host.log.bytes,
                    "killed at event \(fatal)")
                #expect(host.kernel.length == 0, "killed at event \(fatal)")
            }
            fatal += 1
        }
        #expect(events > 20)
    }
}

/// A host whose kernel is a folder, with agents as processes beside each other.
private struct TurnsHost: ~Copyable {
    let kernel: FolderKernel
    /// All that the kernel has measured.
    private(set) var log = LogBuilder()
    private var agents: [Agent] = []
    private var random: SplitMix
    private let workshop: LogWorkshop
    private let folder: URL
    private var reader: Int32?

    /// A process; a class, so that an array can hold it.
    private final class Agent {
        var process: ChildProcess
        init(_ process: consuming ChildProcess) { self.process = process }
    }

    init(_ workshop: LogWorkshop, seed: UInt64) throws {
        self.workshop = workshop
        folder = workshop.folder.appending(path: "kernel")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        kernel = FolderKernel(folder: FilePath(folder.path))
        random = SplitMix(state: seed)
    }

    mutating func measure(_ body: (inout LogBuilder) -> Void) throws {
        let before = log.bytes.count
        body(&log)
        try kernel.measure(Array(log.bytes[before...]))
    }

    /// Something happens.
    mutating func step() throws {
        switch random.below(10) {
        case 0...3: try measureSome()
        case 4...6:
            while agents.count >= 3 { wait(for: random.below(agents.count)) }
            let fatal = random.below(3) == 0 ? 1 + random.below(150) : 0
            try start(rounds: 1 + random.below(6), trims: random.below(4) != 0, fatal: fatal)
        case 7: if !agents.isEmpty { wait(for: random.below(agents.count)) }
        case 8: kernel.suspend(random.below(4) == 0)
        default:
            // Another program opens a file, and closes it later.
            if let reader { kernel.close(reader) }
            reader = reader == nil ? try? kernel.open(.measurements, random.below(3) == 0 ? .writing : .reading) : nil
        }
    }

    /// Files, old and new, and violations of one file: the same bytes each time.
    private mutating func measureSome() throws {
        for _ in 0...random.below(5) {
            let kind = random.below(4)
            let name = kind == 0 ? "/old" : "/file/\(random.below(1000))"
            try measure { log in
                if log.count == 0 { log.bootAggregate() }
                if kind < 2 { log.file(name, "x") } else { log.violation("/same") }
            }
        }
    }

    /// Lets all agents end, and what they are kept out by; one more agent then finds nothing in its way.
    ///
    /// - Returns: all that agents noticed about the log.
    mutating func finish() throws -> String {
        if let reader { kernel.close(reader) }
        reader = nil
        kernel.suspend(false)
        while !agents.isEmpty { wait(for: 0) }
        try #require(try run(fatal: 0) != nil)
        let lines = try output().split(separator: "\n").filter { Int($0) == nil }
        return lines.joined(separator: "\n")
    }

    /// Runs one agent to its end; returns how many events there were, or nil if it was killed.
    mutating func run(fatal: Int) throws -> Int? {
        let before = try output().count
        try start(rounds: 1, trims: true, fatal: fatal)
        wait(for: agents.count - 1)
        let said = try output().dropFirst(before)
        return said.split(separator: "\n").last.flatMap { Int($0) }
    }

    private var outputFile: URL { workshop.folder.appending(path: "output") }

    private func output() throws -> String {
        FileManager.default.fileExists(atPath: outputFile.path)
            ? try String(contentsOf: outputFile, encoding: .utf8) : ""
    }

    private mutating func start(rounds: Int, trims: Bool, fatal: Int) throws {
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        agents.append(
            Agent(
                try ChildProcess(
                    tests.deletingLastPathComponent().appending(path: "TrimmingAgent").path,
                    [folder.path, workshop.shards.string, "\(rounds)", trims ? "staged" : "off", "\(fatal)"],
                    output: outputFile.path)))
    }

    private mutating func wait(for index: Int) {
        let agent = agents.remove(at: index)
        while agent.process.isRunning { usleep(1000) }
        // Killed by itself, or at its end.
        if let exit = agent.process.exitCode { #expect(exit == 0, "\((try? output()) ?? "")") }
    }
}

/// Random numbers that a seed tells (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}
