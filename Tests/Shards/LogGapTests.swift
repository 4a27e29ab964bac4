import Foundation
import IMA
import TestSupport
import Testing

@testable import Shards

@Suite("Gaps of a log") struct LogGapTests {
    private static let all = [
        LogGap(before: 0, .notCarriedOver), LogGap(before: 217, .partlyCarriedOver),
        LogGap(before: 4, .counted(.max, held: 3)), LogGap(before: .max, .trimmedByAnother), LogGap(before: 9, .unfit),
    ]

    @Test("are remembered in the boot's folder, each once, by whichever process, until the shards go")
    func kept() throws {
        try ShardRoot.run { root in
            var writer = root.writer()
            var lock: ShardLock? = try writer.lock()
            if let lock = lock.take() {
                #expect(try writer.gaps() == [])
                try writer.keep(Array(Self.all.prefix(2)), holding: lock)
                try root.writer().keep(Self.all, holding: lock)
                try writer.keep([Self.all[1]], holding: lock)
                #expect(try writer.gaps() == Self.all)
                #expect(try ShardReader.gaps(in: root.path, epoch: BootEpoch(resetCount: 7)) == Self.all)
                #expect(try ShardReader.gaps(in: root.path, epoch: BootEpoch(resetCount: 8)) == [])
                // Shards come and go on beside them, and the index is made anew.
                try writer.append(sampleLog(10).bytes, first: 0, format: .init(), holding: lock)
            }
            try FileManager.default.removeItem(at: root.file("index"))
            #expect(try root.writer().opened() == 1)
            #expect(try root.writer().gaps() == Self.all)
            #expect(try root.names().filter { $0.contains("gaps") } == ["gaps"])
            var again = root.writer()
            let last = try again.lock()
            try again.startOver(holding: last)
            #expect(try again.gaps() == [])
        }
    }

    @Test("are read as far as they are some, and are never many") func hostile() throws {
        try ShardRoot.run { root in
            var writer = root.writer()
            let lock = try writer.lock()
            try writer.append(sampleLog(3).bytes, first: 0, format: .init(), holding: lock)
            let text =
                "\n5\n5 \nx counted 1 2\n5 counted 1\n5 counted 1 x\n5 unknown\n-1 not-carried-over\n"
                + "6 not-carried-over 7\n9 not-carried-over\n8 trimmed-by-ano"
            try Data(text.utf8).write(to: root.file("gaps"))
            #expect(try writer.gaps() == [LogGap(before: 9, .notCarriedOver)])
            try writer.keep((0..<1000).map { LogGap(before: $0, .partlyCarriedOver) }, holding: lock)
            #expect(try writer.gaps().count == 64)
            try Data(repeating: 10, count: 1 << 20).write(to: root.file("gaps"))
            #expect(throws: ShardError.self) { try writer.gaps() }
            try writer.keep([LogGap(before: 1, .notCarriedOver)], holding: lock)
            #expect(try writer.gaps() == [LogGap(before: 1, .notCarriedOver)])
        }
    }

    @Test("say what happened, and that a kexec mends nothing") func words() {
        for gap in Self.all {
            #expect("\(gap)".contains("not by kexec") && "\(gap)".contains("\(gap.record)"))
        }
    }
}

extension ShardWriter {
    /// Opens the shards; returns how much there was to say.
    fileprivate func opened() throws -> Int {
        var writer = self
        return try writer.open().count
    }
}
