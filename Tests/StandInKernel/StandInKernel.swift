import AssayCrypto
import Bytes
package import Foundation
import IMA
import TPM
package import TPMDevice

/// Stands in for a kernel: appends records to a file, as securityfs would show them, and extends a TPM with each, as
/// the kernel does.
package struct StandInKernel: Sendable {
    /// The TPM that it measures into.
    package let device: TPMDevice
    /// The file that plays binary_runtime_measurements.
    package let log: URL

    /// A kernel that has measured nothing yet.
    package init(device: TPMDevice, log: URL) {
        self.device = device
        self.log = log
    }

    /// Measures whole records, little endian with a SHA-1 column, in order.
    ///
    /// The TPM comes first here: between the two nobody may read.
    package func measure(_ records: [UInt8]) async throws {
        try await extend(records)
        try append(records)
    }

    /// Extends the TPM alone: what a log that lost records looks like.
    package func extend(_ records: [UInt8]) async throws {
        guard !records.isEmpty else { return }
        let banks = try await device.activeBanks()
        for (pcr, digests) in try Self.digests(of: records, banks: banks) {
            try await device.extend(pcr: pcr, with: digests)
        }
    }

    /// Appends to the log alone: what a log looks like into which somebody wrote.
    package func append(_ records: [UInt8]) throws {
        if !FileManager.default.fileExists(atPath: log.path) {
            _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        }
        let file = try FileHandle(forWritingTo: log)
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(records))
    }

    private static func digests(
        of records: [UInt8], banks: [PCRBank]
    ) throws -> [(pcr: Int, digests: [PCRBank: Digest])] {
        var result: [(pcr: Int, digests: [PCRBank: Digest])] = []
        var reader = RecordReader(records.span, format: LogFormat())
        while let record = try reader.next() {
            var digests: [PCRBank: Digest] = [:]
            for bank in banks {
                digests[bank] =
                    record.isViolation
                    ? Digest(repeating: 0xff, count: bank.digestSize)
                    : record.templateDigest(bank, in: records.span)
            }
            result.append((Int(record.pcr), digests))
        }
        return result
    }
}
