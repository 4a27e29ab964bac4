import Appraisal
import AssayCrypto
import Bytes
import Foundation
import IMA
import TestSupport

extension FuzzTarget {
    /// The log in its binary and its text form, and the appraiser over it.
    static let logs = [
        FuzzTarget(name: "records", seeds: recordSeeds, check: checkRecords),
        FuzzTarget(name: "ascii", seeds: textSeeds, check: checkText),
        FuzzTarget(name: "appraiser", seeds: recordSeeds, check: checkAppraiser),
    ]

    // MARK: Seeds

    /// The first byte chooses the format: an input is that and a log.
    @Sendable private static func recordSeeds() throws -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for name in try Fixtures.folders(in: "appraisal/ima-log") {
            guard let log = try? Fixtures.bytes("appraisal/ima-log/\(name)/log.bin"), log.count < 1 << 16 else {
                continue
            }
            seeds.append([0] + log)
        }
        let tampered = try Fixtures.bytes("generated/tampered/t.bin")
        return seeds + [[0] + tampered.prefix(8192)]
    }

    @Sendable private static func textSeeds() throws -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for name in try Fixtures.folders(in: "appraisal/ima-log") + Fixtures.folders(in: "appraisal/ima-entry") {
            for file in ["ima-log/\(name)/log.ascii", "ima-log/\(name)/log.txt", "ima-entry/\(name)/entry.txt"] {
                if let text = try? Fixtures.bytes("appraisal/" + file), text.count < 1 << 16 { seeds.append(text) }
            }
        }
        let line = "10 0000000000000000000000000000000000000000 ima-ng sha256:"
        let digest = String(repeating: "ab", count: 32)
        seeds.append(Array("\(line)\(digest) /bin/a b\n\(line)\(digest) /x\ny\n".utf8))
        seeds.append(
            Array("10 0000000000000000000000000000000000000000 ima \(String(repeating: "0", count: 40)) a\n".utf8))
        return seeds
    }

    // MARK: Checks

    private static func format(_ byte: UInt8) -> LogFormat {
        let columns: [PCRBank] = [.sha1, .sha256, .sha384, .sha512]
        return LogFormat(byteOrder: byte & 1 == 0 ? .little : .big, column: columns[Int(byte >> 1 & 3)])
    }

    @Sendable private static func checkRecords(_ input: [UInt8]) throws {
        guard let first = input.first else { return }
        let log = Array(input.dropFirst())
        let format = format(first)
        _ = try? LogFormat.detect(log.span)
        var reader = RecordReader(log.span, format: format)
        var replay = PCRReplay(banks: PCRBank.allCases, pcrs: [10])
        var end = 0
        var count = 0
        while let record = try? reader.next() {
            try require(record.range.lowerBound == end && record.range.count > 0, "records follow each other")
            end = record.range.upperBound
            count += 1
            for part in [record.templateDigest, record.templateName, record.templateData] {
                try require(within(part, record.range), "a part lies outside its record")
            }
            try checkFields(record, log)
            let step = replay.extend(record, in: log.span)
            try require(step.isViolation == record.isViolation, "a violation is none")
        }
        try require(end <= log.count && reader.offset == end, "the reader is beyond its bytes")
        let whole = try? LogDelimiter(format).wholeRecords(in: log.span.extracting(0..<end), number: 0)
        try require(whole?.count == count && whole?.end == end, "wholeRecords and the reader disagree")
    }

    private static func checkFields(_ record: RecordLayout, _ log: [UInt8]) throws {
        let fields = RecordFields(record, in: log.span)
        let data = record.templateData
        for part in [fields.digest.range, fields.name, fields.signature, fields.buffer] where !part.isEmpty {
            try require(within(part, data), "a field lies outside the template data")
        }
        if fields.kind == .file || fields.kind == .buffer {
            try require(!fields.digest.range.isEmpty, "a file or buffer without a digest")
        }
        if !fields.signature.isEmpty, let signature = try? FileSignature(log.span, at: fields.signature) {
            try require(within(signature.signature, fields.signature), "a signature lies outside its field")
        }
        if let metadata = FileMetadata(record, in: log.span) {
            let parts = [
                metadata.signature, metadata.attributeNames, metadata.attributeLengths, metadata.attributeValues,
            ]
            for part in parts where !part.isEmpty {
                try require(within(part, data), "metadata lie outside the template data")
            }
        }
        if let appended = AppendedSignature(record, in: log.span) {
            switch appended.content {
            case .digest(let digest): try require(within(digest.range, data), "a digest lies outside the template data")
            case .attributes(let part): try require(within(part, data), "attributes lie outside the template data")
            }
            try require(within(appended.signature, data), "an appended signature lies outside the template data")
        }
    }

    private static func within(_ part: Range<Int>, _ whole: Range<Int>) -> Bool {
        part.lowerBound >= whole.lowerBound && part.upperBound <= whole.upperBound
    }

    @Sendable private static func checkText(_ text: [UInt8]) throws {
        var log = ASCIILog(text)
        var bytes: [UInt8] = []
        while let record = try? log.next() {
            let format = LogFormat(column: log.column ?? .sha1)
            guard case .record(let layout)? = try? LogDelimiter(format).record(in: record.span, at: 0, number: 0) else {
                throw Broken("a line's binary form is no record")
            }
            try require(layout.range == 0..<record.count, "a line's binary form is more than a record")
            bytes += record
        }
        try require(ASCIILog.encode(text).bytes == bytes, "encode and next disagree")
    }

    /// A log comes to the same whether it is appraised at once, in pieces, or with its signatures settled elsewhere.
    @Sendable private static func checkAppraiser(_ input: [UInt8]) throws {
        guard let first = input.first else { return }
        let log = Array(input.dropFirst())
        var options = AppraisalOptions()
        options.format = format(first)
        var whole = Appraiser(policy: nil, options: options, quote: nil)
        let read = whole.appraise(log.span)
        var pieces = Appraiser(policy: nil, options: options, quote: nil)
        var offset = 0
        for end in stride(from: 97, to: log.count + 97, by: 97) {
            let piece = log.span.extracting(offset..<min(end, log.count))
            offset += pieces.advance(piece)
            if let batch = pieces.pendingSignatures { pieces.settle(batch.verified()) }
        }
        let (left, right) = (whole.finish(unread: log.count - read), pieces.finish(unread: log.count - offset))
        try require(left.tier == right.tier && left.tier != .affirming, "another tier")
        try require(left.findings == right.findings, "other findings: \(left.findings) and \(right.findings)")
        try require(left.lanes == right.lanes && left.signatures == right.signatures, "another end")
    }

    /// The content of a `sig` field.
    static let signatureBlob = FuzzTarget(
        name: "signature",
        seeds: {
            [
                [3, 2, 4, 1, 2, 3, 4, 0, 4, 9, 9, 9, 9], [6, 3, 5, 1, 2, 3, 4, 0, 1, 9],
                [5, 2, 2, 1, 2, 3, 4, 0, 2, 1, 1],
            ]
        },
        check: { blob in
            guard let signature = try? FileSignature(blob.span, at: 0..<blob.count) else { return }
            let header = FileSignature.headerBytes
            try require(signature.signature == header..<blob.count, "the signature isn't all behind the header")
            try require(signature.kind.rawValue == blob[0] && signature.version.rawValue == blob[1], "another header")
            let digest = [UInt8](repeating: 7, count: signature.hash.digestSize)
            let signed = try? signature.signedDigest(for: digest.span)
            if let signed { try require(signed.count == signature.hash.digestSize, "a digest of another length") }
            let moved = signature.moved(by: 10)
            try require(moved.signature.count == signature.signature.count, "a moved signature has another length")
        })
}
