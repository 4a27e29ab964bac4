import AssayCrypto
import Bytes
import Testing

@testable import IMA

@Suite("The replay") struct PCRReplayTests {
    private static let zeros20 = [UInt8](repeating: 0, count: 20)

    /// Ten records, the sixth of which is a violation.
    private static let log: [UInt8] = (0..<10).reduce([]) { log, index in
        log + Records.record("ima-ng", Records.data("/file\(index)"), column: index == 5 ? zeros20 : nil)
    }

    private func records(_ log: [UInt8]) throws -> [RecordLayout] {
        var reader = RecordReader(log.span, format: LogFormat())
        var records: [RecordLayout] = []
        while let record = try reader.next() { records.append(record) }
        return records
    }

    /// What a kernel of a form has in a PCR after some records, computed the plain way.
    private func value(_ bank: PCRBank, _ form: PaddingForms, _ records: some Sequence<RecordLayout>, _ log: [UInt8])
        -> Digest
    {
        var pcr = [UInt8](repeating: 0, count: bank.digestSize)
        for record in records {
            var extended = [UInt8](repeating: 0, count: bank.digestSize)
            let data = Array(log[record.templateData])
            if record.isViolation {
                let count = form == .paddedViolations ? 20 : bank.digestSize
                extended.replaceSubrange(..<count, with: [UInt8](repeating: 0xff, count: count))
            } else if form == .own {
                extended = bank.digest(of: data).bytes
            } else {
                extended.replaceSubrange(..<20, with: PCRBank.sha1.digest(of: data).bytes)
            }
            pcr = bank.digest(of: pcr + extended).bytes
        }
        return Digest(pcr) ?? Digest(repeating: 0, count: 0)
    }

    @Test("meets the quote of a kernel of any form, in any bank, after any record", arguments: PCRBank.allCases)
    func forms(bank: PCRBank) throws {
        let records = try records(Self.log)
        for form in [PaddingForms.own, .padded, .paddedViolations] where bank != .sha1 || form == .own {
            for position in 0...records.count {
                let quoted = value(bank, form, records.prefix(position), Self.log)
                var replay = PCRReplay(towards: [.init(bank: bank, pcr: 10, value: quoted)], pcrs: [10])
                var matches = replay.isMatched ? [0] : []
                for (index, record) in records.enumerated() {
                    _ = replay.extend(record, in: Self.log.span)
                    if replay.isMatched { matches.append(index + 1) }
                    if matches == [position], replay.isMatched {
                        let lane = try #require(replay.matchedLanes.first)
                        #expect(replay.matchedLanes.count == 1)
                        #expect(lane.value == quoted)
                        #expect(lane.forms.isSuperset(of: form))
                        // Forms that have not differed yet stay possible.
                        #expect(lane.forms.contains(.own) == (form == .own || position == 0))
                    }
                }
                #expect(matches == [position])
            }
        }
    }

    @Test("goes on from where it stood, with the form that it found and no other") func resuming() throws {
        let records = try records(Self.log)
        for form in [PaddingForms.own, .padded, .paddedViolations] {
            let first = value(.sha256, form, records.prefix(7), Self.log)
            var replay = PCRReplay(towards: [.init(bank: .sha256, pcr: 10, value: first)], pcrs: [10])
            for record in records.prefix(7) { _ = replay.extend(record, in: Self.log.span) }
            #expect(replay.isMatched)
            let lanes = replay.matchedLanes
            #expect(lanes.map(\.forms) == [form])

            let second = value(.sha256, form, records, Self.log)
            var resumed = PCRReplay(
                towards: [.init(bank: .sha256, pcr: 10, value: second)], pcrs: [10], resuming: lanes)
            #expect(!resumed.isMatched)
            for record in records.suffix(3) { _ = resumed.extend(record, in: Self.log.span) }
            #expect(resumed.isMatched)
            #expect(resumed.lanes.count == 1)
        }
    }

    @Test("carried over without a match keeps every form that is possible") func carrying() throws {
        let records = try records(Self.log)
        let quoted = value(.sha256, .paddedViolations, records, Self.log)
        let target = PCRReplay.Quoted(bank: .sha256, pcr: 10, value: quoted)
        var lanes: [PCRReplay.Lane] = []
        for record in records {
            var replay = PCRReplay(towards: [target], pcrs: [10], resuming: lanes)
            #expect(!replay.isMatched)
            #expect(replay.matchedLanes.isEmpty)
            _ = replay.extend(record, in: Self.log.span)
            lanes = replay.lanes
        }
        #expect(PCRReplay(towards: [target], pcrs: [10], resuming: lanes).isMatched)
        #expect(lanes.count == 3)
    }

    @Test("keeps one value for forms until they differ") func lanes() throws {
        let records = try records(Self.log)
        var replay = PCRReplay(banks: [.sha256], pcrs: [10])
        #expect(replay.lanes.map(\.forms) == [.all])
        _ = replay.extend(records[0], in: Self.log.span)
        #expect(replay.lanes.map(\.forms) == [.own, [.padded, .paddedViolations]])
        _ = replay.extend(records[5], in: Self.log.span)
        #expect(replay.lanes.map(\.forms) == [.own, .padded, .paddedViolations])
        var violationFirst = PCRReplay(banks: [.sha256], pcrs: [10])
        _ = violationFirst.extend(records[5], in: Self.log.span)
        #expect(violationFirst.lanes.map(\.forms) == [[.own, .padded], .paddedViolations])
    }

    @Test("needs all quoted banks at the same record") func banks() throws {
        let records = try records(Self.log)
        let at = { (bank: PCRBank, form: PaddingForms, count: Int) in
            PCRReplay.Quoted(bank: bank, pcr: 10, value: value(bank, form, records.prefix(count), Self.log))
        }
        // Each bank has its own form: SHA-384 is padded where the kernel lacked it at start.
        var same = PCRReplay(towards: [at(.sha1, .own, 8), at(.sha256, .own, 8), at(.sha384, .padded, 8)], pcrs: [10])
        var apart = PCRReplay(towards: [at(.sha1, .own, 8), at(.sha256, .own, 7)], pcrs: [10])
        for (index, record) in records.enumerated() {
            _ = same.extend(record, in: Self.log.span)
            _ = apart.extend(record, in: Self.log.span)
            #expect(same.isMatched == (index == 7))
            #expect(!apart.isMatched)
        }
    }

    @Test("needs one form for all PCRs of a bank") func formsOfPCRs() throws {
        let log = Records.file("/a") + Records.record("ima-ng", Records.data("/b"), pcr: 11)
        let records = try records(log)
        let quoted = { (form10: PaddingForms, form11: PaddingForms) in
            [
                PCRReplay.Quoted(bank: .sha256, pcr: 10, value: value(.sha256, form10, [records[0]], log)),
                PCRReplay.Quoted(bank: .sha256, pcr: 11, value: value(.sha256, form11, [records[1]], log)),
            ]
        }
        for (form10, form11) in [(PaddingForms.own, PaddingForms.own), (.padded, .padded), (.own, .padded)] {
            var replay = PCRReplay(towards: quoted(form10, form11), pcrs: [10, 11])
            for record in records { _ = replay.extend(record, in: log.span) }
            #expect(replay.isMatched == (form10 == form11))
        }
    }

    @Test("counts a quoted PCR once a record names it, also one behind the match") func namedPCRs() throws {
        let log = Records.file("/a") + Records.record("ima-ng", Records.data("/b"), pcr: 11)
        let records = try records(log)
        let quoted = [
            PCRReplay.Quoted(bank: .sha256, pcr: 10, value: value(.sha256, .own, [records[0]], log)),
            PCRReplay.Quoted(bank: .sha256, pcr: 11, value: value(.sha256, .own, [records[1]], log)),
            // The firmware's: no record names it.
            PCRReplay.Quoted(bank: .sha256, pcr: 12, value: Digest(repeating: 0x12, count: 32)),
        ]
        var replay = PCRReplay(towards: quoted, pcrs: [10])
        let first = replay.extend(records[0], in: log.span)
        #expect(first.isCovered)
        #expect(replay.isMatched)
        var reconsidered = replay
        let isQuoted = (reconsidered.require(11), reconsidered.require(13))
        #expect(isQuoted == (true, false))
        #expect(!reconsidered.isMatched)
        let second = replay.extend(records[1], in: log.span)
        #expect(second.isCovered)
        #expect(replay.isMatched)
        _ = replay.require(12)
        #expect(!replay.isMatched)
    }

    @Test("leaves a record of another PCR out, and the match as it is") func uncovered() throws {
        let log = Records.file("/a") + Records.record("ima-ng", Records.data("/b"), pcr: 0xffff_ffff)
        let records = try records(log)
        let value = value(.sha256, .own, [records[0]], log)
        var replay = PCRReplay(towards: [.init(bank: .sha256, pcr: 10, value: value)], pcrs: [10])
        _ = replay.extend(records[0], in: log.span)
        let step = replay.extend(records[1], in: log.span)
        #expect(!step.isCovered)
        #expect(step.columnMatches)
        #expect(replay.isMatched)
    }

    @Test("takes only zeros in the column for a violation", arguments: [0x01, 0xff] as [UInt8])
    func column(byte: UInt8) throws {
        let log = Records.record("ima-ng", Records.data("/a"), column: [UInt8](repeating: byte, count: 20))
        let records = try records(log)
        var replay = PCRReplay(banks: [.sha256], pcrs: [10])
        let step = replay.extend(records[0], in: log.span)
        #expect(!step.isViolation)
        #expect(!step.columnMatches)
        #expect(replay.value(.sha256, 10) == value(.sha256, .own, records, log))
    }

    @Test("takes a record that is malformed or unknown by its raw bytes") func raw() throws {
        let log = Records.record("vendor-x", [1, 2, 3]) + Records.record("ima-ng", [0xff]) + Records.record("", [])
        let records = try records(log)
        var replay = PCRReplay(banks: [.sha256], pcrs: [10])
        for record in records {
            let step = replay.extend(record, in: log.span)
            #expect(step.columnMatches)
        }
        #expect(replay.value(.sha256, 10) == value(.sha256, .own, records, log))
    }

    @Test("of no record at all meets a quote of fresh PCRs, and starts 17 to 22 at ones") func fresh() {
        let zero = Digest(repeating: 0, count: 32)
        let one = Digest(repeating: 0xff, count: 32)
        #expect(PCRReplay(towards: [.init(bank: .sha256, pcr: 10, value: zero)], pcrs: [10]).isMatched)
        #expect(PCRReplay(towards: [.init(bank: .sha256, pcr: 17, value: one)], pcrs: [17]).isMatched)
        #expect(!PCRReplay(towards: [.init(bank: .sha256, pcr: 10, value: one)], pcrs: [10]).isMatched)
        #expect(!PCRReplay(towards: [], pcrs: [10]).isMatched)
        #expect(!PCRReplay(towards: [.init(bank: .sha256, pcr: 10, value: zero)], pcrs: []).isMatched)
    }
}
