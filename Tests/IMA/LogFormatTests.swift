import AssayCrypto
import Bytes
import TestSupport
import Testing

@testable import IMA

@Suite("The log's format") struct LogFormatTests {
    /// A real log as a big-endian kernel would have written it: every number turned, every digest made anew.
    private func bigEndian(_ log: [UInt8]) throws -> [UInt8] {
        var result: [UInt8] = []
        var reader = RecordReader(log.span, format: LogFormat())
        while let record = try reader.next() {
            var data = Array(log[record.templateData])
            let found = Template(name: log.span.extracting(record.templateName))
            let template = try #require(found)
            var offset = 0
            for index in 0..<template.count {
                let length = Int(data.span.u32(at: offset, .little))
                data[offset..<offset + 4].reverse()
                offset += 4
                switch template[index] {
                case .owner, .group, .mode: data[offset..<offset + length].reverse()
                case .attributeLengths:
                    for at in stride(from: offset, to: offset + length, by: 4) { data[at..<at + 4].reverse() }
                default: break
                }
                offset += length
            }
            let name = String(copying: log.span.extracting(record.templateName))
            let column = record.isViolation ? [UInt8](repeating: 0, count: 20) : nil
            result += Records.record(name, data, pcr: record.pcr, column: column, order: .big)
        }
        return result
    }

    @Test("of a big-endian host is found, and its length words are hashed as they stand", arguments: KernelRun.small)
    func bigEndian(run: KernelRun) throws {
        let little = try run.log
        let big = try bigEndian(little)
        #expect(big.count == little.count)
        let format = try LogFormat.detect(big.span)
        #expect(format == LogFormat(byteOrder: .big))
        var replay = PCRReplay(banks: [.sha256], pcrs: [10, 11])
        var expected = Digest(repeating: 0, count: 32)
        var reader = RecordReader(big.span, format: format)
        var littleReader = RecordReader(little.span, format: LogFormat())
        while let record = try reader.next() {
            let original = try #require(try littleReader.next())
            #expect(replay.extend(record, in: big.span).columnMatches)
            let fields = RecordFields(record, in: big.span)
            let originalFields = RecordFields(original, in: little.span)
            #expect(fields.kind == originalFields.kind)
            #expect(fields.name == originalFields.name)
            #expect(fields.signature == originalFields.signature)
            let metadata = (FileMetadata(record, in: big.span), FileMetadata(original, in: little.span))
            #expect(metadata.0 == metadata.1)
            guard record.pcr == 10 else { continue }
            let digest =
                record.isViolation
                ? Digest(repeating: 0xff, count: 32) : PCRBank.sha256.digest(of: Array(big[record.templateData]))
            PCRBank.sha256.extend(&expected, with: digest)
        }
        #expect(replay.value(.sha256, 10) == expected)
    }

    @Test("is found for each column and order", arguments: PCRBank.allCases)
    func columns(bank: PCRBank) throws {
        for order in [ByteOrder.little, .big] {
            for template in ["ima-ng", "d-ng|n-ng"] {
                let log = Records.record(
                    template, Records.data("boot_aggregate", order: order), bank: bank, order: order)
                #expect(try LogFormat.detect(log.span) == LogFormat(byteOrder: order, column: bank))
            }
            let unknown = Records.record("vendor-x", [1, 2, 3], bank: bank, order: order)
            #expect(try LogFormat.detect(unknown.span) == LogFormat(byteOrder: order, column: bank))
        }
        let legacy = Records.legacy(Array("boot_aggregate".utf8), order: .big)
        #expect(try LogFormat.detect(legacy.span) == LogFormat(byteOrder: .big))
    }

    @Test("of what is no log is an error") func none() {
        for bytes in [[], [10], Array("10 0123".utf8), [UInt8](repeating: 0xff, count: 500)] as [[UInt8]] {
            #expect(throws: LogError(.unknownFormat, record: 0, offset: 0)) { try LogFormat.detect(bytes.span) }
        }
    }

    @Test("text and binary are told apart") func text() {
        let texts: [[UInt8]] = [Array("\n\n10 ab".utf8), Array(" 9 ab".utf8)]
        let binaries: [[UInt8]] = [[10, 0, 0, 0], [0, 0, 0, 10]]
        for text in texts where !LogFormat.isText(text.span) { Issue.record("\(text) is a text") }
        for binary in binaries where LogFormat.isText(binary.span) { Issue.record("\(binary) is binary") }
    }
}
