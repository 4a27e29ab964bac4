import AssayCrypto
import Bytes
import TestSupport
import Testing

@testable import IMA

@Suite("Reading a log") struct LogReadingTests {
    private static let run = KernelRun("k612-mixed-templates/boot1")

    @Test("a record that is cut is an error that says how much it lacks, at any cut") func truncation() throws {
        for record in [Records.signed("/d"), Records.legacy(Array("/bin/x".utf8))] {
            for length in 1..<record.count {
                let cut = Array(record.prefix(length))
                let delimiter = LogDelimiter(LogFormat())
                guard case .incomplete(let needed) = try delimiter.record(in: cut.span, at: 0, number: 0) else {
                    Issue.record("a record of \(length) of \(record.count) bytes")
                    return
                }
                #expect(needed > length && needed <= record.count)
                var reader = RecordReader(cut.span, format: LogFormat(), firstRecord: 41)
                let expected = LogError(.truncated(needed: needed, left: length), record: 41, offset: 0)
                #expect(throws: expected) { try reader.next() }
                #expect(throws: expected) { try reader.next() }
            }
        }
    }

    @Test("the error of a later record has its number and offset") func place() throws {
        let first = Records.file("/a")
        let log = first + Records.file("/b").dropLast()
        var reader = RecordReader(log.span, format: LogFormat(), firstRecord: 100)
        #expect(try reader.next() != nil)
        let error = #expect(throws: LogError.self) { try reader.next() }
        #expect(error?.record == 101)
        #expect(error?.offset == first.count)
    }

    @Test("a length over its limit is an error at once, however few bytes are there") func wildLengths() {
        let huge: [UInt8] = [0xff, 0xff, 0xff, 0xff]
        let head: [UInt8] = [10, 0, 0, 0] + [UInt8](repeating: 1, count: 20)
        let cases: [([UInt8], LogError.Code)] = [
            (head + huge, .templateNameTooLong(length: 0xffff_ffff, limit: 255)),
            (head + [0, 1, 0, 0], .templateNameTooLong(length: 256, limit: 255)),
            (head + [3, 0, 0, 0] + Array("foo".utf8) + huge, .recordTooLong(length: 35 + 0xffff_ffff, limit: 1 << 20)),
            (
                head + Records.field(Array("foo".utf8)) + [0, 0, 16, 0],
                .recordTooLong(length: 35 + 1 << 20, limit: 1 << 20)
            ),
            (
                head + Records.field(Array("ima".utf8)) + [UInt8](repeating: 2, count: 20) + huge,
                .legacyNameTooLong(length: 0xffff_ffff, limit: 255)
            ),
            (Records.legacy([UInt8](repeating: 0x61, count: 256)), .legacyNameTooLong(length: 256, limit: 255)),
        ]
        for (bytes, code) in cases {
            #expect(throws: LogError(code, record: 3, offset: 0)) {
                var reader = RecordReader(bytes.span, format: LogFormat(), firstRecord: 3)
                _ = try reader.next()
            }
        }
    }

    @Test("a record of the template `ima` is hashed with its name padded, and its longest name fits") func legacy()
        throws
    {
        for count in [0, 1, 200, 255] {
            let log = Records.legacy([UInt8](repeating: 0x61, count: count)) + Records.file("/next")
            var replay = PCRReplay(banks: [.sha1, .sha256], pcrs: [10])
            var reader = RecordReader(log.span, format: LogFormat())
            let record = try #require(try reader.next())
            #expect(replay.extend(record, in: log.span).columnMatches)
            let fields = RecordFields(record, in: log.span)
            #expect(fields.kind == .file)
            #expect(fields.name.count == count)
            #expect(fields.digest.hash == .sha1)
            #expect(try reader.next() != nil)
        }
        let log = Records.legacy(Array("/bin/x\0y".utf8))
        var reader = RecordReader(log.span, format: LogFormat())
        let record = try #require(try reader.next())
        if case .malformed(let problem) = RecordFields(record, in: log.span).kind {
            #expect(problem.code == .nameEnd)
        } else {
            Issue.record("a NUL in the name is taken for padding")
        }
    }

    @Test("bytes that are changed at random never trap", arguments: 0..<4 as Range<UInt64>)
    func hostile(seed: UInt64) throws {
        let log = try Self.run.log
        var random = SeededRandom(seed)
        for _ in 0..<60 {
            var changed = log
            for _ in 0..<8 {
                changed[Int(random.next() % UInt64(log.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            var replay = PCRReplay(banks: [.sha1, .sha256], pcrs: [10, 11])
            var reader = RecordReader(changed.span, format: LogFormat())
            var count: UInt64 = 0
            do throws(LogError) {
                while let record = try reader.next() {
                    count += 1
                    let fields = RecordFields(record, in: changed.span)
                    #expect(fields.name.upperBound <= changed.count && fields.signature.upperBound <= changed.count)
                    if !fields.signature.isEmpty { _ = try? FileSignature(changed.span, at: fields.signature) }
                    _ = AppendedSignature(record, in: changed.span)
                    _ = FileMetadata(record, in: changed.span)
                    _ = replay.extend(record, in: changed.span)
                }
            } catch {
                #expect(error.record == count)
                #expect(error.offset == reader.offset && error.offset < changed.count)
                #expect(!error.remedy.isEmpty && error.description.contains("record \(count)"))
            }
            _ = try? LogFormat.detect(changed.span)
        }
    }

    @Test("a stream is cut into whole records") func cutting() throws {
        let log = try Self.run.log
        let delimiter = LogDelimiter(LogFormat())
        var counts: [Int] = []
        var rest = log[...]
        while !rest.isEmpty {
            let cut = try delimiter.wholeRecords(in: Array(rest).span, number: 0, maximumBytes: 4096)
            #expect(cut.count > 0 && (cut.end <= 4096 || cut.count == 1))
            counts.append(cut.count)
            rest = rest.dropFirst(cut.end)
        }
        #expect(counts.reduce(0, +) == 211)
        let first = try delimiter.wholeRecords(in: log.span, number: 0, maximumRecords: 3)
        #expect(first.count == 3)
        let cut = try delimiter.wholeRecords(in: Array(log.prefix(first.end - 1)).span, number: 0)
        #expect(cut.count == 2)
        #expect(try delimiter.wholeRecords(in: log.span, number: 0, maximumBytes: 1).count == 1)
        #expect(try delimiter.wholeRecords(in: [UInt8]().span, number: 0).end == 0)
    }
}
