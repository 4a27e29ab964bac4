import AssayCrypto
import Bytes
package import IMA

/// Records for a ``StandInKernel`` to measure.
package enum KernelRecords {
    /// Some records of a log, little endian with a SHA-1 column.
    ///
    /// - Parameters:
    ///   - first: the number of the first one.
    ///   - count: how many at most.
    package static func cut(_ log: [UInt8], from first: UInt64 = 0, count: UInt64 = .max) throws(LogError) -> [UInt8] {
        var reader = RecordReader(log.span, format: LogFormat())
        var start = 0
        var end = 0
        while reader.nextRecord < first, let record = try reader.next() { start = record.range.upperBound }
        end = start
        while reader.nextRecord >= first, reader.nextRecord - first < count, let record = try reader.next() {
            end = record.range.upperBound
        }
        return Array(log[start..<end])
    }

    /// How many records there are.
    package static func count(_ log: [UInt8]) throws(LogError) -> UInt64 {
        var reader = RecordReader(log.span, format: LogFormat())
        while try reader.next() != nil {}
        return reader.nextRecord
    }

    /// One record of a file, with the template ima-sig and without a signature (Linux, ima_template_lib.c).
    package static func file(_ path: String, content: [UInt8]) -> [UInt8] {
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
}
