import AssayCrypto
import Bytes
import TPM
import TestSupport
import Testing

@testable import IMA

@Suite("Logs of real kernels") struct KernelLogTests {
    @Test("every record is what entries.tsv says", arguments: KernelRun.all) func entries(run: KernelRun) throws {
        let log = try run.log
        let bytes = log.span
        #expect(try LogFormat.detect(bytes) == LogFormat())
        var reader = RecordReader(bytes, format: LogFormat())
        for entry in try run.entries {
            let number = reader.nextRecord
            guard let record = try reader.next() else {
                Issue.record("the log ends before \(entry)")
                return
            }
            let fields = RecordFields(record, in: bytes)
            let isSame =
                number == UInt64(entry.index) && record.range.lowerBound == entry.offset && record.pcr == entry.pcr
                && String(copying: bytes.extracting(record.templateName)) == entry.template
                && fields.digest.hash.name.description == entry.hash
                && Self.shown([UInt8](copying: bytes.extracting(fields.name))) == entry.name
                && max(fields.signature.count, FileMetadata(record, in: bytes)?.signature.count ?? 0)
                    == entry.signatureLength
                && fields.kind == (entry.template == "ima-buf" ? .buffer : .file)
                && record.isViolation == (entry.result == "violation")
            if !isSame { Issue.record("\(entry): \(fields)") }
        }
        #expect(try reader.next() == nil)
    }

    /// As entries.tsv shows a name: one that isn't UTF-8 was escaped before, and is escaped again.
    private static func shown(_ name: [UInt8]) -> String {
        String(validating: name, as: UTF8.self) == nil ? escaped(escaped(name).utf8) : escaped(name)
    }

    @Test(
        "every template digest recomputes, and PCR 10 has each point's values where it should", arguments: KernelRun.all
    )
    func values(run: KernelRun) throws {
        let log = try run.log
        let bytes = log.span
        let points = try run.points
        let values = try points.map { try run.allValues(at: $0.point) }
        var found = points.map { $0.pcr10AfterEntries.mapValues { _ in [Int]() } }
        var replay = PCRReplay(banks: PCRBank.allCases, pcrs: [10])
        var reader = RecordReader(bytes, format: LogFormat())
        var count = 0
        while let record = try reader.next() {
            count += 1
            if !replay.extend(record, in: bytes).columnMatches { Issue.record("record \(count - 1)") }
            for lane in replay.lanes where lane.forms.contains(.own) {
                for index in points.indices where values[index][lane.bank, 10] == lane.value {
                    found[index][lane.bank.description]?.append(count)
                }
            }
        }
        for (point, found) in zip(points, found) { #expect(found == point.pcr10AfterEntries, "\(point.point)") }
    }

    @Test("quote after quote is met where it should, each resumed from the one before", arguments: KernelRun.all)
    func quotes(run: KernelRun) throws {
        let log = try run.log
        let bytes = log.span
        var reader = RecordReader(bytes, format: LogFormat())
        var position = 0
        var lanes: [PCRReplay.Lane] = []
        var lastRecord: RecordLayout?
        for point in try run.points {
            let quoted = try run.quotedValues(at: point.point).all.map {
                PCRReplay.Quoted(bank: $0.bank, pcr: UInt32($0.index), value: $0.value)
            }
            // PCR 11 counts where the quote has it, for records of the log name it.
            let pcrs: [UInt32] =
                run.folder.hasPrefix("k612-mixed") && quoted.contains { $0.pcr == 11 } ? [10, 11] : [10]
            let isResumable = Set(lanes.map(\.pcr)) == Set(pcrs) && Set(lanes.map(\.bank)) == Set(quoted.map(\.bank))
            if !isResumable {
                lanes = []
                reader = RecordReader(bytes, format: LogFormat())
                position = 0
            }
            var replay = PCRReplay(towards: quoted, pcrs: pcrs, resuming: lanes)
            while !replay.isMatched, let record = try reader.next() {
                _ = replay.extend(record, in: bytes)
                position += 1
                lastRecord = record
            }
            #expect(replay.isMatched == !point.matchesAfterEntries.isEmpty, "\(point.point)")
            #expect(
                point.matchesAfterEntries.isEmpty || UInt64(position) == point.matchesAfterEntries.first,
                "\(point.point)")
            #expect(!replay.isMatched || replay.matchedLanes.allSatisfy { $0.forms == .own }, "\(point.point)")
            lanes = replay.matchedLanes
        }
        #expect(lastRecord != nil)
    }

    @Test("the columns of the banks' own files are those banks' digests", arguments: KernelRun.all)
    func columns(run: KernelRun) throws {
        for bank in [PCRBank.sha256, .sha384] {
            let path = "log/binary_runtime_measurements_\(bank)"
            guard run.exists(path) else { continue }
            let log = try run.bytes(path)
            let plain = try run.bytes("log/binary_runtime_measurements")
            #expect(try LogFormat.detect(log.span) == LogFormat(column: bank))
            var replay = PCRReplay(banks: [bank], pcrs: [10, 11])
            var reader = RecordReader(log.span, format: LogFormat(column: bank))
            var plainReader = RecordReader(plain.span, format: LogFormat())
            while let record = try reader.next() {
                let plainRecord = try #require(try plainReader.next())
                #expect(replay.extend(record, in: log.span).columnMatches)
                #expect(log[record.templateData] == plain[plainRecord.templateData])
            }
            #expect(try plainReader.next() == nil)
        }
    }
}

extension String {
    init(copying span: Span<UInt8>) {
        self.init(decoding: [UInt8](copying: span), as: UTF8.self)
    }
}
