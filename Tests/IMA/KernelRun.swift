import AssayCrypto
import Bytes
import Foundation
import IMA
import TestSupport
import Testing

/// One boot of a real kernel out of Tests/Fixtures/kernel.
struct KernelRun: CustomTestStringConvertible, Sendable {
    /// Relative to Tests/Fixtures/kernel, such as `k612-mixed-templates/boot1`.
    let folder: String

    var testDescription: String { folder }

    static let all: [KernelRun] = {
        let runs = (try? Fixtures.folders(in: "kernel")) ?? []
        return runs.flatMap { run in
            let boots = ((try? Fixtures.folders(in: "kernel/" + run)) ?? []).filter { $0.hasPrefix("boot") }
            return boots.map { KernelRun(folder: run + "/" + $0) }
        }
    }()

    /// The whole log in its binary form, with the SHA-1 column.
    func log() throws -> [UInt8] {
        guard folder.hasPrefix("own73-staging") else { return try bytes("log/binary_runtime_measurements") }
        // The kernel gave its log away in shards; what it still held at the end follows.
        return try ["shards/shard-01.bin", "shards/shard-02.bin", "shards/shard-03.bin"].reduce([]) {
            try $0 + bytes($1)
        } + bytes("log/binary_runtime_measurements")
    }

    /// A file of the run; one that is compressed is read through xz.
    func bytes(_ path: String) throws -> [UInt8] {
        let path = "kernel/" + folder + "/" + path
        if FileManager.default.fileExists(atPath: Fixtures.folder.appending(path: path).path) {
            return try Fixtures.bytes(path)
        }
        return try Fixtures.unpacked(path + ".xz")
    }

    func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: Fixtures.folder.appending(path: "kernel/" + folder + "/" + path).path)
    }
}

extension KernelRun {
    /// A line of entries.tsv.
    struct Entry: Sendable {
        let index: Int
        let offset: Int
        let pcr: UInt32
        let template: String
        let hash: String
        let name: String
        let signatureLength: Int
        let result: String
    }

    func entries() throws -> [Entry] {
        try String(decoding: bytes("entries.tsv"), as: UTF8.self).split(separator: "\n").dropFirst().compactMap {
            line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 8, let index = Int(parts[0]), let offset = Int(parts[1]), let pcr = UInt32(parts[2]),
                let length = Int(parts[6])
            else { throw CocoaError(.fileReadCorruptFile) }
            return Entry(
                index: index, offset: offset, pcr: pcr, template: parts[3], hash: parts[4], name: parts[5],
                signatureLength: length, result: parts[7])
        }
    }

    /// A point of expected.json.
    struct Point: Decodable, Sendable {
        let point: String
        let matchesAfterEntries: [Int]
        let pcr10AfterEntries: [String: [Int]]

        enum CodingKeys: String, CodingKey {
            case point
            case matchesAfterEntries = "matches_after_entries"
            case pcr10AfterEntries = "pcr10_after_entries"
        }
    }

    func points() throws -> [Point] {
        struct Expected: Decodable { let points: [Point] }
        return try JSONDecoder().decode(Expected.self, from: Data(bytes("expected.json"))).points
    }

    /// The values of every bank, read right after a point's quote: `pcrs.yaml`.
    func pcrs(at point: String) throws -> [PCRBank: [UInt32: Digest]] {
        try pcrs(in: "points/\(point)/pcrs.yaml")
    }

    /// The values that a point's quote is over.
    func quoted(at point: String) throws -> [PCRReplay.Quoted] {
        try pcrs(in: "points/\(point)/quote.yaml").flatMap { bank, values in
            values.map { PCRReplay.Quoted(bank: bank, pcr: $0.key, value: $0.value) }
        }
    }

    private func pcrs(in path: String) throws -> [PCRBank: [UInt32: Digest]] {
        var result: [PCRBank: [UInt32: Digest]] = [:]
        var bank: PCRBank?
        for line in try String(decoding: bytes(path), as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":").map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 1 {
                bank = PCRBank(name: parts[0])
            } else if let bank, let pcr = UInt32(parts[0]), let value = [UInt8](hexadecimal: parts[1].dropFirst(2)) {
                result[bank, default: [:]][pcr] = Digest(value)
            }
        }
        return result
    }
}

extension KernelRun {
    /// All but the one of 120,000 records.
    static let small = all.filter { !$0.folder.hasPrefix("k612-large") }
}
