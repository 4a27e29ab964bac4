import AssayCrypto
import Bytes
import Foundation
import IMA
import Shards
import SystemPackage
import TPM
import TestSupport
import Testing

@testable import Attester

@Suite("The measurement log") struct MeasurementLogTests {
    private func builder(_ records: Int) -> LogBuilder { SampleLog.builder(records) }

    /// Where each record begins, and where the last ends.
    private func offsets(_ bytes: [UInt8]) throws -> [Int] {
        var offsets = [0]
        while case .record(let record) = try LogDelimiter(LogFormat()).record(
            in: bytes.span, at: offsets[offsets.count - 1], number: 0)
        { offsets.append(record.range.upperBound) }
        return offsets
    }

    @Test("is the file, cut at records, whatever the shards' size", arguments: [1, 100, 4096, 1 << 16, 1 << 20])
    func concatenation(maximumBytes: Int) throws {
        try LogWorkshop.run { workspace in
            let bytes = builder(500).bytes
            try workspace.write(bytes)
            let log = workspace.measurements()
            try log.refresh()
            #expect(log.nextRecord == 500 && log.pcrs == PCRSet([10]) && log.format == LogFormat())
            let shards = try log.shards(maximumBytes: maximumBytes)
            #expect(shards.flatMap(\.records) == bytes)
            #expect(shards.reduce(0) { $0 + UInt64($1.count) } == 500)
            #expect(shards.allSatisfy { $0.records.count <= maximumBytes || $0.count == 1 })
        }
    }

    @Test("begins anywhere, before and behind the marks, in any order")
    func anywhere() throws {
        try LogWorkshop.run { workspace in
            let bytes = builder(3000).bytes
            let offsets = try offsets(bytes)
            try workspace.write(bytes)
            let log = workspace.measurements()
            try log.refresh()
            for first in [2999, 0, 1, 1023, 1024, 1025, 2047, 2048, 2600, 1500, 3000, 2500] {
                #expect(try log.extent(from: UInt64(first)).bytes == UInt64(bytes.count - offsets[first]))
                #expect(try log.bytes(from: UInt64(first)) == Array(bytes[offsets[first]...]), "record \(first)")
                #expect(try log.extent(from: UInt64(first)).nextRecord == 3000)
            }
            #expect(try log.extent(from: 3001).bytes == 0)
            #expect(try log.shard(first: 3000, end: 3000, maximumBytes: 1 << 16).count == 0)
            #expect(try log.shard(first: 10, end: 12, maximumBytes: 1 << 16).count == 2)
            #expect(try log.shard(first: 10, end: .max, maximumBytes: 1 << 20).count == 2990)
        }
    }

    @Test("grows while it is open; half a record waits for its rest")
    func growth() throws {
        try LogWorkshop.run { workspace in
            let bytes = builder(40).bytes
            let offsets = try offsets(bytes)
            try workspace.write([])
            let log = workspace.measurements()
            try log.refresh()
            #expect(log.nextRecord == 0)
            // Byte by byte over the first records, then in steps that fit nothing.
            var end = 0
            while end < bytes.count {
                let step = end < offsets[3] ? 1 : 61
                try workspace.append(bytes[end..<min(bytes.count, end + step)])
                end = min(bytes.count, end + step)
                try log.refresh()
                let whole = offsets.lastIndex { $0 <= end } ?? 0
                #expect(log.nextRecord == UInt64(whole), "after \(end) bytes")
            }
            #expect(try log.bytes(from: 0) == bytes)
        }
    }

    @Test("names the PCRs that its records use")
    func pcrs() throws {
        try LogWorkshop.run { workspace in
            var builder = builder(3)
            builder.file("/other", "x", pcr: 12)
            builder.file("/wild", "x", pcr: 4_000_000_000)
            try workspace.write(builder.bytes)
            let log = workspace.measurements()
            try log.refresh()
            #expect(log.pcrs == PCRSet([10, 12]) && log.nextRecord == 5)
        }
    }

    @Test("is read anew from record 0 when its file was replaced or cut", arguments: [true, false])
    func replaced(isReplaced: Bool) throws {
        try LogWorkshop.run { workspace in
            try workspace.write(builder(2000).bytes)
            let log = workspace.measurements()
            try log.refresh()
            #expect(try log.bytes(from: 1500).count > 0)
            var other = LogBuilder()
            other.bootAggregate("another boot")
            other.file("/new", "new", pcr: 11)
            if isReplaced {
                try FileManager.default.removeItem(at: workspace.log)
                try workspace.write(other.bytes)
            } else {
                try workspace.append([])
                let handle = try FileHandle(forWritingTo: workspace.log)
                try handle.write(contentsOf: Data(other.bytes))
                try handle.truncate(atOffset: UInt64(other.bytes.count))
                try handle.close()
            }
            try log.refresh()
            #expect(log.nextRecord == 2 && log.pcrs == PCRSet([10, 11]))
            #expect(try log.bytes(from: 0) == other.bytes)
            #expect(try log.extent(from: 1500).bytes == 0)
        }
    }

    @Test("gives a record that is larger than a shard by itself")
    func largeRecord() throws {
        try LogWorkshop.run { workspace in
            var builder = builder(3)
            builder.buffer("large", [UInt8](repeating: 5, count: 300_000))
            builder.file("/after", "x")
            try workspace.write(builder.bytes)
            let log = workspace.measurements()
            try log.refresh()
            let shards = try log.shards(maximumBytes: 1 << 16)
            #expect(shards.map(\.count) == [3, 1, 1] && shards.map(\.first) == [0, 3, 4])
            #expect(shards.flatMap(\.records) == builder.bytes)
        }
    }

    @Test("is found in a securityfs folder")
    func folder() throws {
        try LogWorkshop.run { workspace in
            let bytes = builder(10).bytes
            try workspace.write(bytes)
            let log = workspace.measurements(workspace.folder)
            try log.refresh()
            #expect(try log.bytes(from: 0) == bytes)
        }
    }

    @Test("may be of a big-endian host")
    func bigEndian() throws {
        try LogWorkshop.run { workspace in
            var writer = ByteWriter()
            for number in 0..<3 {
                var data = ByteWriter()
                data.sized(by: UInt32.self, Array("sha256:\0".utf8) + [UInt8](repeating: 1, count: 32))
                data.sized(by: UInt32.self, Array("/\(number)\0".utf8))
                writer.integer(10 as UInt32)
                writer.raw(PCRBank.sha1.digest(of: data.bytes).bytes)
                writer.sized(by: UInt32.self, Array("ima-ng".utf8))
                writer.sized(by: UInt32.self, data.bytes)
            }
            try workspace.write(writer.bytes)
            let log = workspace.measurements()
            try log.refresh()
            #expect(log.format.byteOrder == .big && log.nextRecord == 3)
            #expect(try log.bytes(from: 0, maximumBytes: 1) == writer.bytes)
        }
    }

    @Test("that isn't one is refused, with its place")
    func malformed() throws {
        try LogWorkshop.run { workspace in
            try workspace.write(repeatElement(0x41, count: 2 << 20))
            let log = workspace.measurements()
            let error = #expect(throws: AttesterError.self) { try log.refresh() }
            #expect(error?.code == .logMalformed && error?.place == workspace.log.path)
        }
    }

    @Test("keeps its count when a record can't be delimited, however often it is read")
    func damaged() throws {
        try LogWorkshop.run { workspace in
            let bytes = builder(5).bytes
            try workspace.write(bytes + [UInt8](repeating: 0xff, count: 100))
            let log = workspace.measurements()
            for _ in 0..<3 {
                let error = #expect(throws: AttesterError.self) { try log.refresh() }
                #expect(error?.code == .logMalformed)
                #expect(log.nextRecord == 5)
            }
            #expect(try log.bytes(from: 0) == bytes)
        }
    }

    @Test("that can't be opened is an error that names it; one that appears later is read then")
    func missing() throws {
        try LogWorkshop.run { workspace in
            let log = workspace.measurements()
            let error = #expect(throws: AttesterError.self) { try log.refresh() }
            #expect(error?.code == .logUnreadable && error?.place == workspace.log.path)
            try workspace.write(builder(2).bytes)
            try log.refresh()
            #expect(log.nextRecord == 2)
        }
    }

    @Test("needs a folder that the agent can write")
    func unwritable() throws {
        try LogWorkshop.run { workspace in
            try workspace.write(builder(2).bytes)
            let folder = FilePath(workspace.log.path).appending("shards")
            let log = MeasurementLog(path: FilePath(workspace.log.path), settings: .init(directory: folder))
            let error = #expect(throws: AttesterError.self) { try log.refresh() }
            #expect(error?.code == .shards(.inaccessible) && error?.place == folder.string)
        }
    }

    @Test("cut to nothing or to a part of itself loses nothing: the shards have it, and it may grow again")
    func cut() throws {
        try LogWorkshop.run { workspace in
            let bytes = builder(100).bytes
            let offsets = try offsets(bytes)
            try workspace.write(bytes)
            let log = workspace.measurements()
            try log.refresh()
            for length in [0, offsets[60], offsets[60] + 5] {
                try workspace.write(bytes[..<length])
                try log.refresh()
                #expect(try log.nextRecord == 100 && log.bytes(from: 0) == bytes)
            }
            var more = builder(100)
            more.file("/later", "x")
            try workspace.write(more.bytes)
            try log.refresh()
            #expect(try log.bytes(from: 0) == more.bytes)
            #expect(log.takeNotices() == [])
        }
    }

    @Test("cut to nothing and then another's is the other one, and that is said")
    func cutAndReplaced() throws {
        try LogWorkshop.run { workspace in
            try workspace.write(builder(100).bytes)
            let log = workspace.measurements()
            try log.refresh()
            try workspace.write([])
            try log.refresh()
            var other = LogBuilder()
            other.bootAggregate("another boot")
            try workspace.write(other.bytes)
            try log.refresh()
            #expect(try log.nextRecord == 1 && log.bytes(from: 0) == other.bytes)
            #expect(log.takeNotices() == [.anotherLog(path: workspace.log.path)])
        }
    }

    @Test("of another boot, as the TPM counts them, is read anew; the shards of the one that is over go")
    func anotherEpoch() throws {
        try LogWorkshop.run { workspace in
            try workspace.write(builder(100).bytes)
            let log = workspace.measurements()
            try log.refresh()
            let shorter = builder(20).bytes
            try workspace.write(shorter)
            try log.refresh(epoch: BootEpoch(resetCount: 2), banks: [.sha256])
            #expect(try log.nextRecord == 20 && log.bytes(from: 0) == shorter)
            #expect(try ShardReader.epochs(in: workspace.shards) == [BootEpoch(resetCount: 2)])
            #expect(log.takeNotices() == [.shards(.removed([BootEpoch(resetCount: 1)]))])
        }
    }

    @Test("after a restart goes on behind what is stored, with one look at the last record; nothing is read twice")
    func restart() throws {
        try LogWorkshop.run { workspace in
            let log = builder(2000)
            let kernel = ModelKernel(isStaging: false)
            try kernel.measure(try SampleLog.records(log, 0..<1500))
            let first = workspace.log(kernel)
            try first.refresh()
            try kernel.measure(try SampleLog.records(log, 1500..<1800))
            try first.refresh()
            try first.refresh()
            let reads = kernel.reads(.measurements)
            #expect(reads == reads.sorted() && Set(reads).count == reads.count)
            #expect(kernel.openDescriptors == 1)
            kernel.forgetReads()
            try kernel.measure(try SampleLog.records(log, 1800..<2000))
            let second = workspace.log(kernel)
            try second.refresh()
            let known = try SampleLog.records(log, 0..<1799).count
            #expect(kernel.reads(.measurements).allSatisfy { $0 >= UInt64(known) })
            #expect(try second.bytes(from: 0) == log.bytes)
            // The first agent meets what the second has stored.
            try first.refresh()
            #expect(try first.bytes(from: 0) == log.bytes)
        }
    }

    @Test("whose shards are damaged is stored anew, as long as the kernel holds every record, and that is said")
    func damagedShards() throws {
        try LogWorkshop.run { workspace in
            let bytes = builder(9000).bytes
            try workspace.write(bytes)
            var log = workspace.measurements()
            try log.refresh()
            let entry = try #require(try workspace.reader().index.entries.first)
            let file = URL(filePath: try workspace.reader().path(of: entry).string)
            var damaged = try Data(contentsOf: file)
            damaged[77] ^= 1
            try damaged.write(to: file)
            log = workspace.measurements()
            try log.refresh()
            let error = #expect(throws: AttesterError.self) { try log.bytes(from: 0) }
            #expect(error?.code == .shards(.damaged) && error?.place == file.path)
            try log.refresh()
            #expect(try log.bytes(from: 0) == bytes)
            let notices = log.takeNotices()
            #expect(notices.count == 1 && "\(notices)".contains(file.path))
        }
    }

    @Test("has no room for shards: every record is served all the same, and it is said")
    func quota() throws {
        try LogWorkshop.run { workspace in
            let log = builder(12_000)
            try workspace.write(try SampleLog.records(log, 0..<10_000))
            let agent = workspace.measurements(quota: 1 << 20)
            try agent.refresh()
            try workspace.append(try SampleLog.records(log, 10_000..<12_000))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes)
            #expect(agent.takeNotices().count == 1)
            #expect(try workspace.reader().index.nextRecord < 10_000)
        }
    }

    @Test("of a real kernel comes out as it went in", arguments: ["k612-imasig-sha256"])
    func kernel(run: String) throws {
        let bytes = try Fixtures.bytes("kernel/\(run)/boot1/log/binary_runtime_measurements")
        try LogWorkshop.run { workspace in
            try workspace.write(bytes)
            let log = workspace.measurements()
            try log.refresh()
            #expect(try log.bytes(from: 0, maximumBytes: 1000) == bytes)
        }
    }
}
