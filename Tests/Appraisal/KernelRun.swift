import AssayCrypto
import Bytes
import Foundation
import IMA
import TPM
import TestSupport

@testable import Appraisal

/// One boot of a run of a real kernel (Tests/Fixtures/kernel): its log, its quotes, and what an outside replay made of
/// each record.
struct KernelRun {
    struct Expected: Decodable {
        let points: [Point]
    }

    struct Point: Decodable {
        let point: String
        let matches_after_entries: [UInt64]
    }

    struct Entry {
        let pcr: String
        let template: String
        let name: String
        let result: String
    }

    let folder: String
    let log: [UInt8]
    let points: [Point]

    static let small = [
        "k61-imang-sha1-tis/boot1", "k612-imasig-sha256/boot1", "k612-mixed-templates/boot1",
        "k612-ovmf-reboot-imasigv2-sha384/boot1", "k612-ovmf-reboot-imasigv2-sha384/boot2", "own73-staging/boot1",
    ]
    static let large = "k612-large-120k/boot1"

    init(_ folder: String) throws {
        self.folder = "kernel/" + folder
        points = try JSONDecoder().decode(
            Expected.self, from: Data(try Fixtures.bytes("kernel/\(folder)/expected.json"))
        ).points
        log = try Self.log("kernel/" + folder)
    }

    /// The log's bytes; where the kernel was trimmed, its shards and what goes beyond the last.
    private static func log(_ folder: String) throws -> [UInt8] {
        let name = folder + "/log/binary_runtime_measurements"
        guard let live = try? Fixtures.bytes(name) else { return try Fixtures.unpacked(name + ".xz") }
        let shards = FileManager.default.enumerator(atPath: Fixtures.folder.path + "/\(folder)/shards")?
            .compactMap { $0 as? String }.sorted()
        guard let shards else { return live }
        let parts = try shards.map { try Fixtures.bytes("\(folder)/shards/\($0)") }
        return Array(parts.joined()) + Array(live.dropFirst(parts.last?.count ?? 0))
    }

    /// What the outside replay says of each record.
    func entries() throws -> [Entry] {
        let text = try (try? Fixtures.bytes(folder + "/entries.tsv")) ?? Fixtures.unpacked(folder + "/entries.tsv.xz")
        return text.split(separator: 0x0a).dropFirst().map { line in
            let fields = line.split(separator: 0x09, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            return Entry(pcr: fields[2], template: fields[3], name: fields[5], result: fields[7])
        }
    }

    /// The PCR values that a point's quote covers, as `tpm2_print` shows them.
    func quote(_ point: Point) throws -> QuotedPCRs {
        let text = String(decoding: try Fixtures.bytes("\(folder)/points/\(point.point)/quote.yaml"), as: UTF8.self)
        var values = PCRValues()
        var bank: PCRBank?
        for line in text.split(separator: "\n").drop(while: { $0 != "pcrs:" }).dropFirst() where line.hasPrefix("  ") {
            let parts = line.split(separator: ":").map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 1 {
                bank = PCRBank(name: parts[0])
            } else if let bank, let pcr = Int(parts[0]), let value = [UInt8](hexadecimal: parts[1].dropFirst(2)) {
                values[bank, pcr] = Digest(value)
            }
        }
        return QuotedPCRs(values)
    }

    /// A policy that lists what the log holds: every file's digest, every key under its keyring, every buffer; that
    /// excludes unsigned fs-verity files, which no list lets pass; and that lets
    /// the keys of all keyrings vouch for files, as the outside replay does.
    ///
    /// - Parameter change: what is to be otherwise.
    func policy(_ change: (inout PolicyDocument) -> Void = { _ in }) throws -> Policy {
        var digests: [[UInt8]: Set<[UInt8]>] = [:]
        var keyrings: [[UInt8]: Set<[UInt8]>] = [:]
        var buffers: [[UInt8]: Set<[UInt8]>] = [:]
        var verity: [[UInt8]] = []
        var reader = RecordReader(log.span, format: LogFormat())
        while let record = try reader.next() {
            let fields = RecordFields(record, in: log.span)
            let name = Array(log[fields.name])
            let digest = Array(log[fields.digest.range])
            switch fields.kind {
            case .file where fields.digest.type == .verity && fields.signature.isEmpty: verity.append(name)
            case .file where !fields.isViolation: digests[name, default: []].insert(digest)
            case .buffer where LearnedKey.read(Array(log[fields.buffer]), record: 0, firstSeen: 0) != nil:
                keyrings[name, default: []].insert(digest)
            case .buffer: buffers[name, default: []].insert(digest)
            default: continue
            }
        }
        var document = PolicyDocument()
        document.digests = digests.map { .init(name: $0.key, digests: Array($0.value)) }
        document.keyrings = keyrings.map { .init(name: $0.key, digests: Array($0.value)) }
        document.buffers = buffers.map { .init(name: $0.key, digests: Array($0.value)) }
        document.assay.excludeGlobs = verity
        document.assay.fileKeyrings = Array(keyrings.keys)
        change(&document)
        return try Policy(document: document, contentHash: PCRBank.sha256.digest(of: log))
    }
}
