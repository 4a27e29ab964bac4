import AssayCrypto
import Foundation
import Shards
import SystemPackage
import TestSupport

@testable import Attester

/// A log file that grows, a kernel that is modelled, and a folder for shards; all gone after the test.
final class LogWorkshop {
    let folder: URL
    /// The running kernel's name.
    var kernelName = "kernel-1"

    var log: URL { folder.appending(path: "binary_runtime_measurements") }
    var shards: FilePath { FilePath(folder.appending(path: "shards").path) }

    private init() {
        folder = FileManager.default.temporaryDirectory.appending(path: "assay-log-\(UUID().uuidString)")
    }

    /// Where the shards are, and where a test copies them to.
    var shardsAndCopy: (shards: URL, copy: URL) {
        (folder.appending(path: "shards"), folder.appending(path: "copy"))
    }

    static func run(_ body: (LogWorkshop) throws -> Void) throws {
        let workshop = LogWorkshop()
        try FileManager.default.createDirectory(at: workshop.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: workshop.folder) }
        try body(workshop)
    }

    func write(_ bytes: some Sequence<UInt8>) throws { try Data(bytes).write(to: log) }

    func append(_ bytes: some Sequence<UInt8>) throws {
        let handle = try FileHandle(forWritingTo: log)
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(bytes))
    }

    /// The agent's log, over files.
    func measurements(_ path: URL? = nil, quota: UInt64 = 1 << 30) -> MeasurementLog {
        log(HostFiles(path: FilePath((path ?? log).path)), quota: quota)
    }

    /// The agent's log, over a modelled kernel: what a new process of the agent's has.
    func log(
        _ files: any KernelFiles, trims: Bool = false, quota: UInt64 = 1 << 30, shards: FilePath? = nil,
        observe: @escaping FileObserver = { _ in }
    ) -> MeasurementLog {
        MeasurementLog(
            kernel: KernelLog(files: files) { _ in },
            settings: .init(
                directory: shards ?? self.shards, options: ShardWriter.Options(quotaBytes: quota), trims: trims,
                observe: observe),
            kernelName: { [self] in kernelName })
    }

    func reader() throws -> ShardReader { try ShardReader(root: shards) }
}

extension MeasurementLog {
    /// Reads on, in the first boot.
    func refresh() throws(AttesterError) {
        try refresh(epoch: BootEpoch(resetCount: 1), banks: [.sha1, .sha256])
    }

    /// The records from one on, as shards of some bytes.
    func shards(
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

    /// All records, once what is new is stored.
    func stored() throws -> [UInt8] {
        try refresh()
        return try bytes(from: 0)
    }

    func bytes(from first: UInt64, maximumBytes: Int = 1 << 16) throws -> [UInt8] {
        try shards(from: first, maximumBytes: maximumBytes).flatMap(\.records)
    }
}

/// Logs for tests.
enum SampleLog {
    /// So many records, some long, some short.
    static func builder(_ records: Int) -> LogBuilder {
        var log = LogBuilder()
        log.bootAggregate()
        for number in 1..<max(1, records) {
            log.file("/" + String(repeating: "x", count: number % 97) + "\(number)", "\(number)")
        }
        return log
    }

    /// Some records of a longer log, by their numbers.
    static func records(_ log: LogBuilder, _ range: Range<Int>) throws -> [UInt8] {
        Array(try ModelKernel.cut(log.bytes)[range].joined())
    }
}
