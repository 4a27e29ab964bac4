import AssayCrypto
import Foundation
import Glibc
import IMA
import Synchronization
import SystemPackage
import TPM
import TestSupport
import Testing

@testable import Shards

@Suite("Shards") struct ShardWriterTests {
    @Test("are the log, cut at records, in files of about a MiB whose names sort as the log goes")
    func concatenation() throws {
        try ShardRoot.run { root in
            let log = sampleLog(14_000)
            var writer = root.writer()
            try writer.store(log.bytes, first: 0)
            let names = try root.names().filter { $0 != "index" }
            #expect(names.count == (log.bytes.count + (1 << 20) - 1) >> 20)
            #expect(try names.flatMap { try Data(contentsOf: root.file($0)) } == log.bytes)
            var next: UInt64 = 0
            for name in try names.map({ try #require(ShardName($0)) }) {
                #expect(name.first == next)
                next += name.count
            }
            #expect(next == 14_000)
            for name in names.dropLast() {
                let length = try Data(contentsOf: root.file(name)).count
                #expect(length <= 1 << 20 && length > (1 << 20) - 500)
            }
            var reader = try root.reader()
            #expect(try reader.all() == log.bytes && reader.index.bytes == UInt64(log.bytes.count))
        }
    }

    @Test("come to the same, however the records come", arguments: [1, 7, 100, 3000])
    func batches(size: Int) throws {
        try ShardRoot.run { root in
            let log = sampleLog(3000)
            var rest = log.bytes
            var writer = root.writer()
            var first: UInt64 = 0
            // The very small batches only for as long as they tell something new.
            for _ in 0..<min(60, (3000 + size - 1) / size) {
                let (head, tail) = try split(rest, at: UInt64(size))
                try writer.store(head, first: first)
                (rest, first) = (tail, first + UInt64(size))
                #expect(writer.nextRecord == min(first, 3000))
            }
            var reader = try root.reader()
            #expect(try reader.all(maximumBytes: 1) + rest == log.bytes)
            // The newest shard grows by being replaced: one file, and nothing else but the index.
            #expect(try root.names().count == 2)
            let lines = try String(contentsOf: root.file("index"), encoding: .utf8).split(separator: "\n").count
            #expect(lines < 300)
        }
    }

    @Test("are on the disk step by step: file, line in the index, name; only then the shard that was replaced goes")
    func order() throws {
        try ShardRoot.run { root in
            let events = Mutex<[String]>([])
            var writer = root.writer { event in
                let text: String? =
                    switch event {
                    case .read: nil
                    case .write(let path): "write \(path.lastComponent?.string ?? "")"
                    case .synchronize(let path): "synchronize \(path.lastComponent?.string ?? "")"
                    case .rename(let path, _): "rename \(path.lastComponent?.string ?? "")"
                    case .remove(let path): "remove \(path.lastComponent?.string ?? "")"
                    }
                if let text { events.withLock { $0.append(text) } }
            }
            let (head, tail) = try split(sampleLog(10).bytes, at: 5)
            try writer.store(head, first: 0)
            events.withLock { $0 = [] }
            try writer.store(tail, first: 5)
            let new = ShardName(first: 0, count: 10).temporary
            let folder = BootEpoch(resetCount: 7).folder
            #expect(
                events.withLock { $0 } == [
                    "write \(new)", "synchronize \(new)", "synchronize \(folder)", "write index", "synchronize index",
                    "rename \(new)", "synchronize \(folder)",
                    "remove \(ShardName(first: 0, count: 5).text)",
                ])
        }
    }

    @Test("may be read from any record, in pieces of any size, across files")
    func anywhere() throws {
        try ShardRoot.run { root in
            let log = sampleLog(14_000)
            var writer = root.writer()
            try writer.store(log.bytes, first: 0)
            var reader = try root.reader()
            for first in [13_999, 0, 1, 5000, 4999, 7300, 7301, 13_000] as [UInt64] {
                let (head, tail) = try split(log.bytes, at: first)
                #expect(try reader.offset(of: first) == UInt64(head.count))
                let found = try reader.records(from: first, to: .max, maximumBytes: 3 << 20)
                #expect(tail.starts(with: found.bytes) && found.count > 0)
                #expect(found.bytes.count == tail.count || found.bytes.count > (3 << 20) - 500)
                let one = try reader.records(from: first, to: first + 1, maximumBytes: 1)
                #expect(one.count == 1 && tail.starts(with: one.bytes))
            }
            #expect(try reader.records(from: 14_000, to: .max, maximumBytes: 100).count == 0)
            #expect(try reader.offset(of: 14_000) == UInt64(log.bytes.count))
        }
    }

    @Test("have the PCRs' values at each cut, in each bank, also of a PCR that is named late")
    func values() throws {
        try ShardRoot.run { root in
            var log = sampleLog(6000)
            log.violation("/violated")
            log.file("/other", "x", pcr: 12)
            var writer = root.writer()
            let (head, tail) = try split(log.bytes, at: 5500)
            try writer.store(head, first: 0)
            writer = root.writer()
            try writer.store(tail, first: 5500)
            let index = try root.reader().index
            #expect(index.entries.count == 2)
            for (bank, pcr) in [(PCRBank.sha1, 10), (.sha256, 10), (.sha256, 12)] {
                let lane = index.entries.last?.lanes.first {
                    $0.bank == bank && $0.pcr == pcr && $0.forms.contains(.own)
                }
                #expect(lane?.value != nil && lane?.value == log.values([10, 12], banks: [.sha1, .sha256])[bank, pcr])
            }
            #expect(index.entries.first?.lanes.contains { $0.pcr == 12 } == false)
            let sealed = try Data(contentsOf: root.file(try #require(index.entries.first).name.text))
            #expect(index.entries.first?.sha256 == PCRBank.sha256.digest(of: [UInt8](sealed)))
        }
    }

    @Test("replay to the TPM's PCRs, or say that they don't")
    func replay() throws {
        try ShardRoot.run { root in
            let log = sampleLog(200)
            var writer = root.writer()
            try writer.store(log.bytes, first: 0)
            #expect(try root.reader().replay(towards: log.values(banks: [.sha1, .sha256])) == 200)
            var more = log
            more.file("/later", "x")
            #expect(try root.reader().replay(towards: more.values()) == nil)
            try writer.store(Array(more.bytes[log.bytes.count...]), first: 200)
            #expect(try root.reader().replay(towards: log.values()) == 200)
            #expect(try root.reader().replay(towards: more.values()) == 201)
        }
    }

    @Test("of several writers don't disturb one another; records that are there are passed over, gaps are refused")
    func twoWriters() throws {
        try ShardRoot.run { root in
            let log = sampleLog(300)
            let (head, tail) = try split(log.bytes, at: 100)
            var first = root.writer()
            var second = root.writer()
            try first.store(head, first: 0)
            try second.store(log.bytes, first: 0)
            try first.store(tail, first: 100)
            #expect(first.nextRecord == 300)
            var reader = try root.reader()
            #expect(try reader.all() == log.bytes)
            let error = #expect(throws: ShardError.self) { try first.store(tail, first: 301) }
            #expect(error?.code == .malformed)
            #expect(throws: ShardError.self) { try first.store([1, 2, 3], first: 300) }
            try second.store(tail, first: 100)
            #expect(second.nextRecord == 300)
        }
    }

    @Test("are kept apart by boot; other boots' go when a writer is told so, also what a killed remover left")
    func epochs() throws {
        try ShardRoot.run { root in
            let log = sampleLog(10)
            for epoch in [5, 6, 7] as [UInt32] {
                var writer = root.writer(epoch)
                try writer.store(log.bytes, first: 0)
            }
            try FileManager.default.createDirectory(
                at: root.url.appending(path: ".0000000004.removed"), withIntermediateDirectories: false)
            #expect(try ShardReader.epochs(in: root.path).map(\.resetCount) == [5, 6, 7])
            var writer = root.writer(6)
            let lock = try writer.lock()
            try writer.removeOtherEpochs(holding: lock)
            #expect(writer.takeNotices() == [.removed([BootEpoch(resetCount: 5), BootEpoch(resetCount: 7)])])
            #expect(try FileManager.default.contentsOfDirectory(atPath: root.path.string) == ["0000000006"])
        }
    }

    @Test("a lost or unreadable index is said and made anew from the shards", arguments: ["", "noise\n", nil])
    func indexLost(text: String?) throws {
        try ShardRoot.run { root in
            let log = sampleLog(8000)
            var writer = root.writer()
            try writer.store(log.bytes, first: 0)
            let before = try root.reader().index
            if let text {
                try Data(text.utf8).write(to: root.file("index"))
            } else {
                try FileManager.default.removeItem(at: root.file("index"))
            }
            #expect(throws: ShardError.self) { try root.reader() }
            writer = root.writer()
            #expect(
                try writer.open() == [.indexRebuilt(path: root.epoch.appending("index").string, records: 8000)])
            #expect(try root.reader().index.entries == before.entries)
            var reader = try root.reader()
            #expect(try reader.all() == log.bytes)
        }
    }

    @Test("a damaged or missing shard is named, when the shards are opened or at the latest when it is read")
    func damaged() throws {
        try ShardRoot.run { root in
            let log = sampleLog(14_000)
            var writer = root.writer()
            try writer.store(log.bytes, first: 0)
            let names = try root.names().filter { $0 != "index" }
            // One bit.
            var bytes = try Data(contentsOf: root.file(names[0]))
            bytes[1000] ^= 1
            try bytes.write(to: root.file(names[0]))
            var reader = try root.reader()
            var error = #expect(throws: ShardError.self) { try reader.records(from: 5, to: .max, maximumBytes: 10) }
            #expect(error?.code == .damaged && error?.path == root.file(names[0]).path)
            // Cut short; gone.
            try Data(bytes.prefix(500)).write(to: root.file(names[0]))
            try FileManager.default.removeItem(at: root.file(names[1]))
            writer = root.writer()
            let notices = try writer.open()
            #expect(
                notices.map { notice in
                    guard case .damaged(let error) = notice else { return "" }
                    return error.path
                } == [root.file(names[0]).path, root.file(names[1]).path])
            reader = try root.reader()
            error = #expect(throws: ShardError.self) { try reader.all() }
            #expect(error?.code == .damaged)
            let middle = reader.index.entries[1].name.first
            error = #expect(throws: ShardError.self) { try reader.records(from: middle, to: .max, maximumBytes: 10) }
            #expect(error?.code == .missing && error?.path == root.file(names[1]).path)
            // What is behind stays readable, and the log goes on.
            #expect(try reader.records(from: 13_999, to: .max, maximumBytes: 10).count == 1)
        }
    }

    @Test("without an index end before a shard that isn't what its name says, and it is named")
    func rebuildDamaged() throws {
        try ShardRoot.run { root in
            var writer = root.writer()
            try writer.store(sampleLog(14_000).bytes, first: 0)
            let names = try root.names().filter { $0 != "index" }
            try FileManager.default.removeItem(at: root.file("index"))
            try FileManager.default.removeItem(at: root.file(names[1]))
            writer = root.writer()
            let notices = try writer.open()
            #expect(notices.count == 2 && "\(notices[0])".contains(names[2]))
            #expect(writer.nextRecord == ShardName(names[0])?.count)
        }
    }

    @Test("stop at their quota, with all that had room stored; the writer goes on when there is more")
    func quota() throws {
        try ShardRoot.run { root in
            let log = sampleLog(14_000)
            var writer = root.writer(options: .init(quotaBytes: 2 << 20))
            let error = #expect(throws: ShardError.self) { try writer.store(log.bytes, first: 0) }
            #expect(error?.code == .full && error?.remedy.contains("shards.quota_bytes") == true)
            let stored = writer.nextRecord
            #expect(stored > 0 && stored < 14_000)
            #expect(try root.reader().index.bytes <= 2 << 20)
            writer = root.writer()
            try writer.store(try split(log.bytes, at: stored).tail, first: stored)
            var reader = try root.reader()
            #expect(try reader.all() == log.bytes)
        }
    }

    @Test("a reader that holds the lock keeps a writer out, and the other way round; two readers agree")
    func locks() throws {
        try ShardRoot.run { root in
            var writer = root.writer()
            try writer.store(sampleLog(3).bytes, first: 0)
            do {
                let reading = try ShardLock(root.path, .shared)
                let both = try ShardLock(root.path, .shared, patience: 0)
                let error = #expect(throws: ShardError.self) {
                    _ = try ShardLock(root.path, .exclusive, patience: 0.05)
                }
                #expect(error?.code == .locked && error?.path == root.path.string)
                _ = consume reading
                _ = consume both
            }
            let writing = try writer.lock()
            #expect(throws: ShardError.self) { _ = try ShardLock(root.path, .shared, patience: 0.05) }
            _ = consume writing
            _ = try ShardLock(root.path, .shared, patience: 0)
        }
    }

    @Test("streamed while they are written are the log as it was or longer")
    func streaming() throws {
        try ShardRoot.run { root in
            let log = sampleLog(9000)
            let (head, tail) = try split(log.bytes, at: 8000)
            var writer = root.writer()
            try writer.store(head, first: 0)
            let reader = try root.reader()
            var seen: [UInt8] = []
            var shards = 0
            try reader.forEachShard { bytes throws(ShardError) in
                // The newest shard is replaced under the reader.
                if shards == 0 { try writer.store(tail, first: 8000) }
                shards += 1
                seen += bytes
            }
            #expect(seen == head && shards == reader.index.entries.count)
        }
    }

    @Test("no shard is ever looked at by a reader while it is made: every file is whole when it has its name")
    func wholeFiles() throws {
        try ShardRoot.run { root in
            let log = sampleLog(9000)
            let seen = Mutex<[String]>([])
            let epoch = root.epoch
            var writer = root.writer { event in
                guard case .synchronize = event else { return }
                for name in (try? FileManager.default.contentsOfDirectory(atPath: epoch.string)) ?? [] {
                    guard let shard = ShardName(name),
                        let bytes = try? Data(contentsOf: URL(filePath: epoch.appending(name).string))
                    else { continue }
                    let count = try? LogDelimiter(LogFormat()).wholeRecords(in: [UInt8](bytes).span, number: 0).count
                    if count != Int(shard.count) { seen.withLock { $0.append(name) } }
                }
            }
            for first in stride(from: 0, to: 9000, by: 3000) {
                let rest = try split(log.bytes, at: UInt64(first)).tail
                try writer.store(try split(rest, at: 3000).head, first: UInt64(first))
            }
            #expect(seen.withLock { $0 } == [])
        }
    }
}
