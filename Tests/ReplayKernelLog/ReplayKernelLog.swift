import ArgumentParser
import AssayCrypto
import Bytes
import Foundation
import IMA
import TPM
import TPMDevice
import Terminal

/// Stands in for a kernel in the demo and in tests: appends the records of a real kernel's log to a file, as securityfs
/// would show them, and extends a TPM with each, as the kernel did.
@main
struct ReplayKernelLog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay-kernel-log",
        abstract: "Append records of a log to a file and extend a TPM with each of them.")

    @Option(help: "The TPM, such as swtpm:host=127.0.0.1,port=2321.")
    var tcti: String

    @Option(help: ArgumentHelp("The file that plays binary_runtime_measurements.", valueName: "file"))
    var into: String

    @Option(help: ArgumentHelp("A binary log to take records from.", valueName: "file"))
    var log: String?

    @Option(help: "The first record to take.")
    var first: UInt64 = 0

    @Option(help: "How many records to take.")
    var count = UInt64.max

    @Option(
        name: .customLong("measure"),
        help: ArgumentHelp("Measure a file, as a kernel with the template ima-sig would.", valueName: "path"))
    var measured: String?

    func run() async throws {
        do {
            var records: [UInt8] = []
            if let log { records += try Self.records(of: log, first, count) }
            if let measured { records += try Self.record(of: measured) }
            try await extend(records)
            try append(records)
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    /// The kernel's order: the TPM first would let the log fall behind it, so a reader would miss records. Here nobody
    /// reads in between.
    private func extend(_ records: [UInt8]) async throws {
        guard !records.isEmpty else { return }
        let device = try TPMDevice(tcti: tcti)
        let banks = try await device.activeBanks()
        var reader = RecordReader(records.span, format: LogFormat())
        while let record = try reader.next() {
            var digests: [PCRBank: Digest] = [:]
            for bank in banks {
                digests[bank] =
                    record.isViolation
                    ? Digest(repeating: 0xff, count: bank.digestSize)
                    : record.templateDigest(bank, in: records.span)
            }
            try await device.extend(pcr: Int(record.pcr), with: digests)
        }
    }

    private func append(_ records: [UInt8]) throws {
        if !FileManager.default.fileExists(atPath: into) { _ = FileManager.default.createFile(atPath: into, contents: nil) }
        let file = try FileHandle(forWritingTo: URL(filePath: into))
        try file.seekToEnd()
        try file.write(contentsOf: Data(records))
        try file.close()
    }

    private static func records(of log: String, _ first: UInt64, _ count: UInt64) throws -> [UInt8] {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: log)))
        var reader = RecordReader(bytes.span, format: LogFormat())
        var start = 0
        var end = 0
        while let record = try reader.next() {
            let number = reader.nextRecord - 1
            if number < first { start = record.range.upperBound }
            if number >= first, number - first < count { end = record.range.upperBound }
        }
        return Array(bytes[start..<max(start, end)])
    }

    /// One record of the template ima-sig without a signature (Linux, ima_template_lib.c).
    private static func record(of path: String) throws -> [UInt8] {
        let content = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var data = ByteWriter()
        data.sized(
            by: UInt32.self, Array("sha256:".utf8) + [0] + PCRBank.sha256.digest(of: content).bytes, .little)
        data.sized(by: UInt32.self, Array(path.utf8) + [0], .little)
        data.sized(by: UInt32.self, [UInt8](), .little)
        var record = ByteWriter()
        record.integer(UInt32(10), .little)
        record.raw(PCRBank.sha1.digest(of: data.bytes).bytes)
        record.sized(by: UInt32.self, Array("ima-sig".utf8), .little)
        record.sized(by: UInt32.self, data.bytes, .little)
        return record.bytes
    }

    static func main() async {
        await runCommand(Self.self)
    }
}
