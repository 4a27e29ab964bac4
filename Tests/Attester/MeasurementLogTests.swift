import AssayCrypto
import Bytes
import Foundation
import IMA
import SystemPackage
import TPM
import TestSupport
import Testing

@testable import Attester

/// A log file that grows, and a folder for the agent's own, both gone after the test.
private struct Workspace {
    let folder: URL

    var log: URL { folder.appending(path: "binary_runtime_measurements") }
    var state: FilePath { FilePath(folder.appending(path: "state").path) }

    static func run(_ body: (Workspace) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-log-\(UUID().uuidString)")
        let workspace = Workspace(folder: folder)
        try FileManager.default.createDirectory(
            at: folder.appending(path: "state"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(workspace)
        // Nothing stays of the spool, not even its name while it is in use.
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.state.string).isEmpty)
    }

    func write(_ bytes: some Sequence<UInt8>) throws { try Data(bytes).write(to: log) }

    func append(_ bytes: some Sequence<UInt8>) throws {
        let handle = try FileHandle(forWritingTo: log)
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(bytes))
    }

    func measurements(_ path: URL? = nil) throws -> MeasurementLog {
        try MeasurementLog(path: FilePath((path ?? log).path), stateFolder: state)
    }
}

extension MeasurementLog {
    /// The records from one on, as shards of some bytes.
    fileprivate func shards(
        from first: UInt64 = 0, maximumBytes: Int
    ) throws -> [(first: UInt64, records: [UInt8], count: UInt32)] {
        var shards: [(UInt64, [UInt8], UInt32)] = []
        var next = first
        while next < nextRecord {
            let shard = try shard(first: next, end: nextRecord, maximumBytes: maximumBytes)
            guard shard.count > 0 else { break }
            shards.append((next, shard.records, shard.count))
            next += UInt64(shard.count)
        }
        return shards
    }

    fileprivate func bytes(from first: UInt64, maximumBytes: Int = 1 << 16) throws -> [UInt8] {
        try shards(from: first, maximumBytes: maximumBytes).flatMap(\.records)
    }
}

@Suite("The measurement log") struct MeasurementLogTests {
    /// A log of so many records, some long, some short; longer than the interval of its marks if asked.
    private func builder(_ records: Int) -> LogBuilder {
        var log = LogBuilder()
        log.bootAggregate()
        for number in 1..<records {
            log.file("/" + String(repeating: "x", count: number % 97) + "\(number)", "\(number)")
        }
        return log
    }

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
        try Workspace.run { workspace in
            let bytes = builder(500).bytes
            try workspace.write(bytes)
            let log = try workspace.measurements()
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
        try Workspace.run { workspace in
            let bytes = builder(3000).bytes
            let offsets = try offsets(bytes)
            try workspace.write(bytes)
            let log = try workspace.measurements()
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
        try Workspace.run { workspace in
            let bytes = builder(40).bytes
            let offsets = try offsets(bytes)
            try workspace.write([])
            let log = try workspace.measurements()
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
        try Workspace.run { workspace in
            var builder = builder(3)
            builder.file("/other", "x", pcr: 12)
            builder.file("/wild", "x", pcr: 4_000_000_000)
            try workspace.write(builder.bytes)
            let log = try workspace.measurements()
            try log.refresh()
            #expect(log.pcrs == PCRSet([10, 12]) && log.nextRecord == 5)
        }
    }

    @Test("is read anew from record 0 when its file was replaced or cut", arguments: [true, false])
    func replaced(isReplaced: Bool) throws {
        try Workspace.run { workspace in
            try workspace.write(builder(2000).bytes)
            let log = try workspace.measurements()
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
        try Workspace.run { workspace in
            var builder = builder(3)
            builder.buffer("large", [UInt8](repeating: 5, count: 300_000))
            builder.file("/after", "x")
            try workspace.write(builder.bytes)
            let log = try workspace.measurements()
            try log.refresh()
            let shards = try log.shards(maximumBytes: 1 << 16)
            #expect(shards.map(\.count) == [3, 1, 1] && shards.map(\.first) == [0, 3, 4])
            #expect(shards.flatMap(\.records) == builder.bytes)
        }
    }

    @Test("is found in a securityfs folder")
    func folder() throws {
        try Workspace.run { workspace in
            let bytes = builder(10).bytes
            try workspace.write(bytes)
            let log = try workspace.measurements(workspace.folder)
            try log.refresh()
            #expect(try log.bytes(from: 0) == bytes)
        }
    }

    @Test("may be of a big-endian host")
    func bigEndian() throws {
        try Workspace.run { workspace in
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
            let log = try workspace.measurements()
            try log.refresh()
            #expect(log.format.byteOrder == .big && log.nextRecord == 3)
            #expect(try log.bytes(from: 0, maximumBytes: 1) == writer.bytes)
        }
    }

    @Test("that isn't one is refused, with its place")
    func malformed() throws {
        try Workspace.run { workspace in
            try workspace.write(repeatElement(0x41, count: 2 << 20))
            let log = try workspace.measurements()
            let error = #expect(throws: AttesterError.self) { try log.refresh() }
            #expect(error?.code == .logMalformed && error?.place == workspace.log.path)
        }
    }

    @Test("keeps its count when a record can't be delimited, however often it is read")
    func damaged() throws {
        try Workspace.run { workspace in
            let bytes = builder(5).bytes
            try workspace.write(bytes + [UInt8](repeating: 0xff, count: 100))
            let log = try workspace.measurements()
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
        try Workspace.run { workspace in
            let log = try workspace.measurements()
            let error = #expect(throws: AttesterError.self) { try log.refresh() }
            #expect(error?.code == .logUnreadable && error?.place == workspace.log.path)
            try workspace.write(builder(2).bytes)
            try log.refresh()
            #expect(log.nextRecord == 2)
        }
    }

    @Test("needs a folder that the agent can write")
    func unwritable() throws {
        let error = #expect(throws: AttesterError.self) {
            _ = try MeasurementLog(path: "/dev/null", stateFolder: "/nonexistent")
        }
        #expect(error?.code == .stateUnwritable && error?.place == "/nonexistent")
    }

    @Test("of a real kernel comes out as it went in", arguments: ["k612-imasig-sha256"])
    func kernel(run: String) throws {
        let bytes = try Fixtures.bytes("kernel/\(run)/boot1/log/binary_runtime_measurements")
        try Workspace.run { workspace in
            try workspace.write(bytes)
            let log = try workspace.measurements()
            try log.refresh()
            #expect(try log.bytes(from: 0, maximumBytes: 1000) == bytes)
        }
    }
}

@Suite("The log's spool") struct LogSpoolTests {
    @Test("has no name, keeps what was added, and forgets")
    func spool() throws {
        try Workspace.run { workspace in
            var spool = try LogSpool(in: workspace.state)
            #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.state.string).isEmpty)
            try spool.append(([1, 2, 3] as [UInt8]).span)
            try spool.append(([4, 5] as [UInt8]).span)
            let count = spool.count
            #expect(count == 5)
            let reads = [
                try spool.bytes(at: 0, limit: 5), try spool.bytes(at: 1, limit: 2), try spool.bytes(at: 3, limit: 9),
                try spool.bytes(at: 5, limit: 1), try spool.bytes(at: 9, limit: 1),
            ]
            #expect(reads == [[1, 2, 3, 4, 5], [2, 3], [4, 5], [], []])
            try spool.removeAll()
            try spool.append(([6] as [UInt8]).span)
            let anew = try spool.bytes(at: 0, limit: 9)
            #expect(anew == [6])
        }
    }
}
