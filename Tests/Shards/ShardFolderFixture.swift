import AssayCrypto
import Foundation
import IMA
import SystemPackage
import TestSupport
import Testing

@testable import Shards

/// A folder for shards, gone after the test.
struct ShardRoot {
    let url: URL
    var path: FilePath { FilePath(url.path) }
    var epoch: FilePath { path.appending(BootEpoch(resetCount: 7).folder) }

    @discardableResult static func run<Result>(_ body: (ShardRoot) throws -> Result) rethrows -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "assay-shards-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(ShardRoot(url: url))
    }

    func writer(
        _ epoch: UInt32 = 7, options: ShardWriter.Options = ShardWriter.Options(),
        observe: @escaping FileObserver = { _ in }
    ) -> ShardWriter {
        ShardWriter(
            root: path, epoch: BootEpoch(resetCount: epoch), banks: [.sha1, .sha256], options: options,
            observe: observe)
    }

    func reader() throws -> ShardReader { try ShardReader(root: path) }

    /// The names in the epoch's folder.
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: epoch.string).sorted()
    }

    func file(_ name: String) -> URL { URL(filePath: epoch.appending(name).string) }
}

extension ShardWriter {
    /// Stores records as a process of its own would.
    mutating func store(_ records: [UInt8], first: UInt64) throws(ShardError) {
        let lock = try lock()
        try append(records, first: first, format: LogFormat(), holding: lock)
    }

    mutating func open() throws(ShardError) -> [ShardNotice] {
        let lock = try lock()
        try synchronize(holding: lock)
        return takeNotices()
    }
}

extension ShardReader {
    /// All records.
    mutating func all(maximumBytes: Int = 1 << 16) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var next: UInt64 = 0
        while next < index.nextRecord {
            let found = try records(from: next, to: .max, maximumBytes: maximumBytes)
            guard found.count > 0 else { break }
            bytes += found.bytes
            next += found.count
        }
        return bytes
    }
}

/// A log whose records have many lengths; about 190 bytes each.
func sampleLog(_ count: Int) -> LogBuilder {
    var log = LogBuilder()
    log.bootAggregate()
    for number in 1..<max(1, count) {
        log.file("/" + String(repeating: "x", count: number * 37 % 211) + "\(number)", "\(number)")
    }
    return log
}

/// The first records of a log, and the others.
func split(_ bytes: [UInt8], at record: UInt64) throws -> (head: [UInt8], tail: [UInt8]) {
    let found = try LogDelimiter(LogFormat()).wholeRecords(
        in: bytes.span, number: 0, maximumRecords: Int(record))
    return (Array(bytes[..<found.end]), Array(bytes[found.end...]))
}
