import Appraisal
import Foundation
import SystemPackage
import Testing

@testable import Store

@Suite("Several processes share a store") struct ProcessTests {
    @Test("a killed writer loses no commit that it acknowledged, and tears none") func killed() async throws {
        try await TemporaryStore.inFolder { folder in
            let agents = 12
            let store = try Store(path: folder.path)
            for agent in 0..<agents { try await store.enrol(Samples.agent("agent-\(agent)")) }
            store.close()
            var acknowledged = [UInt64](repeating: 0, count: agents)
            for round in 0..<12 {
                let delay = UInt32.random(in: 1_000...60_000)
                let lines = try WriterProcess.kill(
                    [folder.path.string, "commit", "\(agents)"], afterFirstLineAnd: delay)
                for line in lines {
                    let numbers = line.split(separator: " ").compactMap { UInt64($0) }
                    try #require(numbers.count == 2)
                    acknowledged[Int(numbers[0])] = numbers[1]
                }
                let store = try Store(path: folder.path)
                defer { store.close() }
                for agent in 0..<agents {
                    let comment: Comment = "agent \(agent), round \(round), killed after \(delay) us"
                    let snapshot = try store.snapshot(of: AgentID("agent-\(agent)"))
                    let number = snapshot.verdict?.number ?? 0
                    #expect(number >= acknowledged[agent], comment)
                    guard number > 0 else { continue }
                    // Every part of a commit carries its verdict's number.
                    #expect(snapshot.state?.verdictNumber == number, comment)
                    #expect(snapshot.appraisal?.nextRecord == number, comment)
                    #expect(snapshot.appraisal?.findings.kept.map(\.record) == [number], comment)
                    #expect(
                        snapshot.appraisal?.keyrings.keyrings.values.flatMap { $0 }.map(\.record) == [number], comment)
                }
            }
            #expect(acknowledged.allSatisfy { $0 > 0 })
            try folder.check()
        }
    }

    @Test("what another process writes is seen, and a map that it has grown is taken over") func grown() async throws {
        try await TemporaryStore.run(size: .init(initial: 1 << 20)) { store in
            let generation = try store.readGeneration()
            let count = 8 << 20
            try WriterProcess.run([store.path.string, "policy", "\(count)"])
            #expect(try store.readGeneration() == generation + 1)
            let name = try #require(try store.policy(named: "large"))
            #expect(try store.policySource(name.contentHash)?.count == count)
            #expect(store.environment.mapSize > count)
            #expect(try await store.attest("host") == .committed(verdict: 1))
        }
    }

    @Test("a writer whose map another process has grown takes it over, too") func grownBeforeWrite() async throws {
        try await TemporaryStore.run(size: .init(initial: 1 << 20)) { store in
            try await store.enrol(Samples.agent("host"))
            try WriterProcess.run([store.path.string, "policy", "\(8 << 20)"])
            try await store.enrol(Samples.agent("other"))
            #expect(try store.agents().count == 2)
        }
    }

    @Test("a server in another process is named; when it is killed the store is free") func claimed() async throws {
        try await TemporaryStore.run { store in
            let other = try WriterProcess([store.path.string, "claim"])
            #expect(other.readLine() == "claimed")
            let error = #expect(throws: StoreError.self) { try store.claimServer() }
            #expect(error?.code == .serverRunning)
            #expect(error?.detail == "a server (process \(other.processID)) owns this store")
            // A command line writes all the same.
            try await store.enrol(Samples.agent("host"))
            other.kill()
            _ = try store.claimServer()
        }
    }
}

/// The executable StoreWriter, run as a child.
private struct WriterProcess {
    private let process = Process()
    private let output = Pipe()
    private let input = Pipe()

    init(_ arguments: [String]) throws {
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.executableURL = tests.deletingLastPathComponent().appending(path: "StoreWriter")
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = input
        try process.run()
    }

    var processID: Int32 { process.processIdentifier }

    /// Runs it to its end, which must be a success.
    static func run(_ arguments: [String]) throws {
        let process = try WriterProcess(arguments)
        _ = process.readAll()
        process.process.waitUntilExit()
        #expect(process.process.terminationStatus == 0)
    }

    /// Runs it, kills it some microseconds after its first line, and returns all its lines.
    static func kill(_ arguments: [String], afterFirstLineAnd delay: UInt32) throws -> [String] {
        let process = try WriterProcess(arguments)
        let first = process.readLine()
        // The pipe is read meanwhile: a child that waits for room in it would commit nothing.
        let killer = Thread {
            usleep(delay)
            if process.process.isRunning { Foundation.kill(process.processID, SIGKILL) }
        }
        killer.start()
        let rest = process.readAll()
        process.process.waitUntilExit()
        return [first] + rest.split(separator: "\n").map(String.init)
    }

    /// The next line, read byte by byte so that nothing behind it is taken.
    func readLine() -> String {
        var line: [UInt8] = []
        while let byte = try? output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        return String(decoding: line, as: UTF8.self)
    }

    func kill() {
        Foundation.kill(processID, SIGKILL)
        process.waitUntilExit()
    }

    private func readAll() -> String {
        String(decoding: (try? output.fileHandleForReading.readToEnd()) ?? Data(), as: UTF8.self)
    }
}
