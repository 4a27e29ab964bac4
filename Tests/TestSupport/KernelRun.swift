internal import AssayCrypto
internal import Bytes
internal import Foundation
package import TPM

/// One boot of a run of a real kernel (Tests/Fixtures/kernel): its log, its quotes, and what an outside replay made of
/// each record.
package struct KernelRun: CustomStringConvertible, Sendable {
    /// Relative to Tests/Fixtures/kernel, such as `k612-mixed-templates/boot1`.
    package let folder: String
    package var description: String { folder }

    package init(_ folder: String) {
        self.folder = folder
    }

    /// Every boot of every run.
    package static let all: [KernelRun] = {
        let runs = (try? Fixtures.folders(in: "kernel")) ?? []
        return runs.flatMap { run in
            let boots = ((try? Fixtures.folders(in: "kernel/" + run)) ?? []).filter { $0.hasPrefix("boot") }
            return boots.map { KernelRun(run + "/" + $0) }
        }
    }()

    /// All but the one of 120,000 records.
    package static let small = all.filter { $0.folder != large.folder }
    /// The one of 120,000 records.
    package static let large = KernelRun("k612-large-120k/boot1")

    /// A file's path.
    package func path(_ file: String) -> String { Fixtures.path("kernel/\(folder)/\(file)") }

    /// Whether there is such a file.
    package func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: path(file)) }

    /// A file's bytes; one that is compressed is read through xz.
    package func bytes(_ file: String) throws -> [UInt8] {
        let name = "kernel/\(folder)/\(file)"
        return try exists(file) ? Fixtures.bytes(name) : Fixtures.unpacked(name + ".xz")
    }

    /// The whole log in its binary form, with the SHA-1 column; where the kernel was trimmed, its shards and what it still
    /// held at the end.
    package var log: [UInt8] {
        get throws {
            let live = try bytes("log/binary_runtime_measurements")
            guard exists("shards") else { return live }
            let whole = try (1...3).map { try bytes("shards/shard-0\($0).bin") }
            return Array(whole.joined()) + live
        }
    }
}

extension KernelRun {
    /// A line of entries.tsv: what the outside replay says of a record.
    package struct Entry: Sendable {
        package let index: Int
        package let offset: Int
        package let pcr: UInt32
        package let template: String
        package let hash: String
        package let name: String
        package let signatureLength: Int
        package let result: String
    }

    package var entries: [Entry] {
        get throws {
            try String(decoding: bytes("entries.tsv"), as: UTF8.self).split(separator: "\n").dropFirst().map { line in
                let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 8, let index = Int(parts[0]), let offset = Int(parts[1]),
                    let pcr = UInt32(parts[2]), let length = Int(parts[6])
                else { throw CocoaError(.fileReadCorruptFile) }
                return Entry(
                    index: index, offset: offset, pcr: pcr, template: parts[3], hash: parts[4], name: parts[5],
                    signatureLength: length, result: parts[7])
            }
        }
    }

    /// A point of expected.json, at which the host was quoted.
    package struct Point: Decodable, Sendable {
        /// The name of its folder under `points`.
        package let point: String
        /// Which of the host's keys signed, `rsa` or `ecc`.
        package let ak: String
        /// After how many records the replay meets the quote: once, or never.
        package let matchesAfterEntries: [UInt64]
        /// Bank → after how many records PCR 10 has the value that it had then.
        package let pcr10AfterEntries: [String: [Int]]

        private enum CodingKeys: String, CodingKey {
            case point, ak
            case matchesAfterEntries = "matches_after_entries"
            case pcr10AfterEntries = "pcr10_after_entries"
        }
    }

    package var points: [Point] {
        get throws {
            struct Expected: Decodable { let points: [Point] }
            return try JSONDecoder().decode(Expected.self, from: Data(bytes("expected.json"))).points
        }
    }

    /// The values that a point's quote is over, as `tpm2_print` shows them.
    package func quotedValues(at point: String) throws -> PCRValues { try values(in: "points/\(point)/quote.yaml") }

    /// The values of every bank, read right after a point's quote.
    package func allValues(at point: String) throws -> PCRValues { try values(in: "points/\(point)/pcrs.yaml") }

    private func values(in file: String) throws -> PCRValues {
        var values = PCRValues()
        var bank: PCRBank?
        for line in try String(decoding: bytes(file), as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":").map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 1 {
                bank = PCRBank(name: parts[0])
            } else if let bank, let pcr = Int(parts[0]), let value = [UInt8](hexadecimal: parts[1].dropFirst(2)) {
                values[bank, pcr] = Digest(value)
            }
        }
        return values
    }
}
