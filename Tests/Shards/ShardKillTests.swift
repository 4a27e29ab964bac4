import AssayCrypto
import Foundation
import IMA
import SystemPackage
import TestSupport
import Testing

@testable import Shards

@Suite("A writer of shards that is killed") struct ShardKillTests {
    /// What `ShardScribe` stores in so many batches.
    private func expected(_ batches: Int) -> [UInt8] {
        (0..<batches).flatMap { number in
            var log = LogBuilder()
            if number == 0 { log.bootAggregate() }
            while log.count < 39 { log.file("/batch\(number)/\(log.count)", "\(log.count)") }
            log.buffer("long\(number)", [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 700_000))
            return log.bytes
        }
    }

    /// Runs the writer; returns how many file events there were, or nil if it was killed.
    private func scribe(_ root: ShardRoot, fatal: Int, batches: Int) throws -> Int? {
        let output = root.url.appendingPathExtension("out")
        defer { try? FileManager.default.removeItem(at: output) }
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        var process = try ChildProcess(
            tests.deletingLastPathComponent().appending(path: "ShardScribe").path,
            [root.path.string, "\(fatal)", "\(batches)"], output: output.path)
        while process.isRunning { usleep(2000) }
        guard process.exitCode == 0 else { return nil }
        return Int(try String(contentsOf: output, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    @Test("at any step is gone on from: nothing that was stored is lost, nothing is doubled, nothing is left over")
    func killed() throws {
        let whole = expected(3)
        var events = 1
        var fatal = 1
        while fatal <= events {
            try ShardRoot.run { root in
                if fatal == 1 {
                    events = try ShardRoot.run { try #require(try scribe($0, fatal: 0, batches: 3)) }
                    #expect(events > 20)
                }
                #expect(try scribe(root, fatal: fatal, batches: 3) == nil)
                // Whoever opens them next finds whole batches' records, all of them right.
                var writer = root.writer()
                let notices = try writer.open()
                #expect(notices == [], "killed at event \(fatal)")
                let stored = writer.nextRecord
                #expect(stored == 0 || stored % 40 == 0 || stored % 40 == 39, "killed at event \(fatal): \(stored)")
                if stored > 0 {
                    var reader = try root.reader()
                    let bytes = try reader.all()
                    #expect(whole.starts(with: bytes), "killed at event \(fatal)")
                    let left = try root.names().filter { $0 != "index" && ShardName($0) == nil }
                    #expect(left == [], "killed at event \(fatal)")
                    #expect(try root.names().count == reader.index.entries.count + 1, "killed at event \(fatal)")
                }
                #expect(try scribe(root, fatal: 0, batches: 3) != nil, "killed at event \(fatal)")
                var reader = try root.reader()
                #expect(try reader.all() == whole, "killed at event \(fatal)")
            }
            fatal += 1
        }
    }
}
