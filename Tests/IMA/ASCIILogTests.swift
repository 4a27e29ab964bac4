import AssayCrypto
import Bytes
import TestSupport
import Testing

@testable import IMA

@Suite("The text form") struct ASCIILogTests {
    @Test("of a real kernel's log encodes to its binary form, byte for byte", arguments: KernelRun.all)
    func kernel(run: KernelRun) throws {
        for (suffix, bank) in [("", PCRBank.sha1), ("_sha256", .sha256), ("_sha384", .sha384)] {
            guard run.exists("log/ascii_runtime_measurements" + suffix) else { continue }
            let text = try run.bytes("log/ascii_runtime_measurements" + suffix)
            let encoded = ASCIILog.encode(text)
            #expect(encoded.error == nil)
            #expect(encoded.format == LogFormat(column: bank))
            #expect(try encoded.bytes == run.bytes("log/binary_runtime_measurements" + suffix))
            #expect(LogFormat.isText(text.span) && !LogFormat.isText(encoded.bytes.span))
        }
    }

    @Test("of one record is what the case says", arguments: Case.all("ima-entry"))
    func entry(folder: String) throws {
        let test = try Case(folder)
        let text = try test.bytes(try #require(test.inputs.line))
        let expected = try #require(test.expected)
        if expected.verdict == "parse_error" {
            var log = ASCIILog(text, firstRecord: 7)
            let error = #expect(throws: LogError.self) { try log.next() }
            #expect(error?.record == 7)
            return
        }
        let encoded = ASCIILog.encode(text)
        #expect(encoded.error == nil)
        let bytes = encoded.bytes.span
        var reader = RecordReader(bytes, format: encoded.format)
        let record = try #require(try reader.next())
        let data = bytes.extracting(record.templateData)
        #expect(record.pcr == expected.pcr)
        #expect(String(copying: bytes.extracting(record.templateName)) == expected.template)
        #expect([UInt8](copying: data).hexadecimal == expected.template_data)
        #expect([UInt8](copying: bytes.extracting(record.templateDigest)).hexadecimal == expected.column_hash)
        #expect(record.templateDigest(.sha256, in: bytes).description == expected.template_data_sha256)
        let isSHA1 = record.templateDigest(.sha1, in: bytes).description == expected.column_hash
        #expect(isSHA1 == expected.column_is_sha1_of_template_data)
        #expect(try reader.next() == nil)
    }

    @Test("and the binary one of a case replay to its values", arguments: Case.all("ima-log"))
    func replay(folder: String) throws {
        let test = try Case(folder)
        let pcr = test.inputs.pcr.map { UInt32($0.index) } ?? 10
        let encoded = ASCIILog.encode(try test.bytes(try #require(test.inputs.log_ascii)))
        #expect(encoded.error == nil)
        var logs = [(encoded.bytes, encoded.format)]
        if let binary = test.inputs.log_binary {
            let bytes = try test.bytes(binary)
            #expect(bytes == encoded.bytes)
            logs.append((bytes, LogFormat()))
        }
        for (log, format) in logs {
            var replay = PCRReplay(banks: PCRBank.allCases, pcrs: [pcr])
            var reader = RecordReader(log.span, format: format)
            var columnsMatch = true
            while let record = try reader.next() {
                columnsMatch = replay.extend(record, in: log.span).columnMatches && columnsMatch
            }
            #expect(!test.replay.isEmpty)
            for (name, value) in test.replay {
                let bank = try #require(PCRBank(name: name))
                #expect(replay.value(bank, pcr)?.description == value)
            }
            #expect(columnsMatch != (test.expected?.reasons ?? []).contains("template_hash_mismatch"))
        }
    }

    @Test("takes up a name's newlines, also one that looks like a record") func newlines() throws {
        let decoy = "10 " + String(repeating: "ab", count: 20) + " ima-ng sha1:" + String(repeating: "cd", count: 20)
        for name in ["/a\nb", "/a\n\n\nb\n", "/a\n" + decoy + " /x", "\n"] {
            let log = Records.file(name) + Records.file("/next")
            let encoded = ASCIILog.encode(Records.text(of: log))
            #expect(encoded.error == nil)
            #expect(encoded.bytes == log)
        }
    }

    @Test("ends a record with a wrong or a zero column before the next one", arguments: [0, 0x11] as [UInt8])
    func boundaries(byte: UInt8) throws {
        var log = Records.file("/a\nb\n\nc") + Records.file("/next")
        log.replaceSubrange(4..<24, with: [UInt8](repeating: byte, count: 20))
        let encoded = ASCIILog.encode(Records.text(of: log))
        #expect(encoded.error == nil)
        #expect(encoded.bytes == log)
    }

    @Test("that can't be read says which record, and keeps those before") func errors() throws {
        let good = Records.file("/good")
        let text = Records.text(of: good)
        let digest = String(repeating: "ab", count: 20)
        let cases: [(String, LogError.TextProblem)] = [
            ("x \(digest) ima-ng sha1:\(digest) /x", .pcr),
            ("99999999999 \(digest) ima-ng sha1:\(digest) /x", .pcr),
            ("10 abcd ima-ng sha1:\(digest) /x", .digest),
            ("10", .digest),
            ("10 \(digest)", .template),
            ("10 \(digest) foo sha1:\(digest) /x", .template),
            ("10 \(digest) ima-ng sha1:xyz /x", .field),
            ("10 \(digest) ima \(digest)ab /x", .field),
            ("10 \(digest) d-ng|n-ng|iuid sha1:\(digest) /x 4294967296", .field),
            ("10 \(digest)\(digest.prefix(24)) ima-ng sha1:\(digest) /x", .column),
        ]
        for (line, problem) in cases {
            let encoded = ASCIILog.encode(text + Array(line.utf8), firstRecord: 4)
            #expect(encoded.bytes == good)
            #expect(encoded.error == LogError(.line(problem), record: 5, offset: text.count), "\(line)")
        }
    }

    @Test("of a record over a limit is an error") func limits() throws {
        let text = Records.text(of: Records.file("/" + String(repeating: "x", count: 3000)))
        let limits = LogLimits(recordBytes: 1000, fieldBytes: 1000, templateNameBytes: 255)
        let error = ASCIILog.encode(text, limits: limits).error
        #expect(error?.record == 0)
        if case .recordTooLong = error?.code {} else { Issue.record("\(String(describing: error))") }
    }

    @Test("cut anywhere or changed never traps", arguments: 0..<4 as Range<UInt64>) func hostile(seed: UInt64) throws {
        let text = Records.text(of: Records.file("/a\nb") + Records.file("/c") + Records.signed("/d"))
        for length in 0..<text.count { _ = ASCIILog.encode(Array(text.prefix(length))) }
        var random = SeededRandom(seed)
        for _ in 0..<500 {
            var changed = text
            for _ in 0..<3 {
                changed[Int(random.next() % UInt64(text.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            let encoded = ASCIILog.encode(changed)
            #expect(encoded.error == nil || encoded.error.map { $0.record <= 3 && $0.offset < text.count } == true)
        }
    }
}
