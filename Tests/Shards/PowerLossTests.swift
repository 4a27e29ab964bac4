import Foundation
import Glibc
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Shards

@Suite("A writer of shards whose power fails") struct PowerLossTests {
    /// What a disk may hold of the epoch's folder: names lead to files, whose bytes are on the disk or not.
    private typealias Disk = [String: [UInt8]]

    /// A folder as a disk sees it: what was synchronized is there after a power cut; what wasn't may be there or not,
    /// names in the order of their making.
    private final class Observation: Sendable {
        private struct State {
            /// The folder's names, by file: at its last synchronization, and after each event since.
            var names: [[String: UInt64]] = [[:]]
            /// Each file's bytes at its last synchronization.
            var synchronized: [UInt64: [UInt8]] = [:]
            /// What the writer was told to be stored, in records.
            var acknowledged: UInt64 = 0
            /// Every state of the disk that a cut may have left, and how many records had to be in it.
            var cuts: [Disk: UInt64] = [:]
        }

        private let state = Mutex(State())
        private let folder: FilePath
        /// Has every file that there ever was by its number, so that no number is given twice.
        private let files: FilePath

        init(_ root: ShardRoot) throws {
            folder = root.epoch
            files = root.path.appending("files")
            try FileManager.default.createDirectory(atPath: files.string, withIntermediateDirectories: true)
        }

        /// What cuts may have left, and how many records had to be in it.
        var cuts: [Disk: UInt64] { state.withLock(\.cuts) }

        func acknowledge(_ records: UInt64) { state.withLock { $0.acknowledged = records } }

        /// Something is about to be done: all before it was.
        func take(_ event: FileEvent) {
            let now = names()
            state.withLock { state in
                if state.names.last != now { state.names.append(now) }
                for names in state.names {
                    // Acknowledged records only ever become more.
                    state.cuts[names.mapValues(bytes)] = state.acknowledged
                    state.cuts[names.mapValues { state.synchronized[$0] ?? [] }] = state.acknowledged
                }
                guard case .synchronize(let path) = event else { return }
                if path == folder {
                    state.names = [now]
                } else if let file = path.lastComponent.flatMap({ now[$0.string] }) {
                    state.synchronized[file] = bytes(file)
                }
            }
        }

        private func names() -> [String: UInt64] {
            var names: [String: UInt64] = [:]
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.string)) ?? [] {
                var status = stat()
                let path = folder.appending(name).string
                guard lstat(path, &status) == 0 else { continue }
                names[name] = UInt64(status.st_ino)
                _ = Glibc.link(path, files.appending("\(status.st_ino)").string)
            }
            return names
        }

        private func bytes(_ file: UInt64) -> [UInt8] {
            (try? [UInt8](Data(contentsOf: URL(filePath: files.appending("\(file)").string)))) ?? []
        }
    }

    /// What cuts may leave while batches are stored.
    private func cuts(_ batches: [[UInt8]]) throws -> [Disk: UInt64] {
        try ShardRoot.run { root in
            let observation = try Observation(root)
            var writer = root.writer { observation.take($0) }
            for batch in batches {
                try writer.store(batch, first: writer.nextRecord)
                observation.acknowledge(writer.nextRecord)
            }
            observation.take(.read(root.epoch))
            return observation.cuts
        }
    }

    @Test("at any step finds all that was stored, and goes on: whatever of the rest had come to the disk")
    func cut() throws {
        var log = sampleLog(4)
        var batches = [log.bytes]
        // The second of them closes a shard and begins one.
        for number in 0..<2 {
            let before = log.bytes.count
            log.file("/\(number)", "\(number)")
            log.buffer("long\(number)", [UInt8](repeating: UInt8(number), count: 600_000))
            batches.append(Array(log.bytes[before...]))
        }
        let cuts = try cuts(batches)
        #expect(cuts.count > 20)
        for (disk, acknowledged) in cuts {
            try ShardRoot.run { root in
                try FileManager.default.createDirectory(atPath: root.epoch.string, withIntermediateDirectories: true)
                for (name, bytes) in disk { try Data(bytes).write(to: root.file(name)) }
                let comment: Comment = "cut: \(disk.mapValues(\.count))"
                var writer = root.writer()
                #expect(try writer.open() == [], comment)
                #expect(writer.nextRecord >= acknowledged, comment)
                if writer.nextRecord > 0 {
                    var reader = try root.reader()
                    #expect(try log.bytes.starts(with: reader.all()), comment)
                }
                try writer.store(log.bytes, first: 0)
                var reader = try root.reader()
                #expect(try reader.all() == log.bytes, comment)
                #expect(try root.names().count == reader.index.entries.count + 1, comment)
            }
        }
    }
}
