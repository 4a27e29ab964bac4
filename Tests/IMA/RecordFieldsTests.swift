import AssayCrypto
import Bytes
import Testing

@testable import IMA

@Suite("A record's fields") struct RecordFieldsTests {
    private static let digest = PCRBank.sha256.digest(of: Array("content".utf8)).bytes

    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func ng(_ algorithm: String = "sha256:", _ digest: [UInt8] = digest) -> [UInt8] {
        Records.field(bytes(algorithm) + [0] + digest)
    }

    private static func path(_ name: String = "/x") -> [UInt8] { Records.field(bytes(name) + [0]) }

    private func fields(_ template: String, _ data: [UInt8], column: [UInt8]? = nil) throws -> (RecordFields, [UInt8]) {
        let bytes = Records.record(template, data, column: column)
        var reader = RecordReader(bytes.span, format: LogFormat())
        let record = try #require(try reader.next())
        return (RecordFields(record, in: bytes.span), bytes)
    }

    private func code(_ template: String, _ data: [UInt8], column: [UInt8]? = nil) throws -> MalformedRecord.Code? {
        guard case .malformed(let problem) = try fields(template, data, column: column).0.kind else { return nil }
        return problem.code
    }

    @Test("of an appended signature are a digest or, longer than any, the SET of attributes that ML-DSA signed")
    func signedAttributes() throws {
        for (content, expected) in [
            ([0x31] + [UInt8](repeating: 1, count: 64), nil), ([0x31] + [UInt8](repeating: 1, count: 63), nil),
            ([0x30] + [UInt8](repeating: 1, count: 64), .digestSize), ([0x31], .digestSize), ([], .digestSize),
        ] as [([UInt8], MalformedRecord.Code?)] {
            let data =
                Self.ng() + Self.path() + Records.field([]) + Self.ng("sha512:", content) + Records.field([0x30, 4])
            #expect(try code("ima-modsig", data) == expected, "\(content.count)")
            guard expected == nil else { continue }
            let (fields, bytes) = try fields("ima-modsig", data)
            #expect(fields.hasFurtherSignature)
            var reader = RecordReader(bytes.span, format: LogFormat())
            let record = try #require(try reader.next())
            let found = AppendedSignature(record, in: bytes.span)
            switch try #require(found).content {
            case .attributes(let range): #expect(Array(bytes[range]) == content && content.count == 65)
            case .digest(let digest): #expect(Array(bytes[digest.range]) == content && content.count == 64)
            }
        }
    }

    @Test("of every field of every template stand where they should") func everyField() throws {
        let format = "d-ng|n-ng|sig|d-modsig|modsig|buf|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode"
        let data =
            Self.ng() + Self.path("/long") + Records.field([3, 3]) + Self.ng() + Records.field([0x30, 4, 4])
            + Records.field([]) + Records.field([5, 6]) + Self.path("security.ima|security.selinux")
            + Records.field([1, 0, 0, 0, 2, 0, 0, 0]) + Records.field([7, 8, 9])
            + Records.field([0xe8, 3, 0, 0]) + Records.field([1, 0, 0, 0]) + Records.field([0xed, 0x81])
        let (fields, bytes) = try fields(format, data)
        #expect(fields.kind == .file && fields.isCustom && fields.hasFurtherSignature && fields.buffer.isEmpty)
        #expect(Array(bytes[fields.digest.range]) == Self.digest)
        #expect(Array(bytes[fields.name]) == Self.bytes("/long"))
        #expect(Array(bytes[fields.signature]) == [3, 3])
        var reader = RecordReader(bytes.span, format: LogFormat())
        let record = try #require(try reader.next())
        let found = AppendedSignature(record, in: bytes.span)
        let appended = try #require(found)
        var digest = 0..<0
        if case .digest(let content) = appended.content { digest = content.range }
        #expect(Array(bytes[digest]) == Self.digest)
        #expect(Array(bytes[appended.signature]) == [0x30, 4, 4])
        let covered = FileMetadata(record, in: bytes.span)
        let metadata = try #require(covered)
        #expect(Array(bytes[metadata.signature]) == [5, 6])
        #expect(Array(bytes[metadata.attributeNames]) == Self.bytes("security.ima|security.selinux"))
        #expect(metadata.attributeLengths.count == 8)
        #expect(Array(bytes[metadata.attributeValues]) == [7, 8, 9])
        #expect(metadata.owner == 1000)
        #expect(metadata.group == 1)
        #expect(metadata.mode == 0o100755)
    }

    @Test("of typed digests are told apart from plain ones, whatever the template is called") func types() throws {
        #expect(try fields("ima-ngv2", Self.ng("ima:sha256:") + Self.path()).0.digest.type == .ima)
        #expect(try fields("ima-ngv2", Self.ng("verity:sha256:") + Self.path()).0.digest.type == .verity)
        #expect(try code("ima-ngv2", Self.ng("other:sha256:") + Self.path()) == .digestType)
        // The template's name is not hashed: a record that is called by another's must not pass as one of it.
        #expect(try code("ima-ngv2", Self.ng() + Self.path()) == .digestType)
        #expect(try code("ima-ng", Self.ng("verity:sha256:") + Self.path()) == .unknownHash)
        #expect(try code("ima-sig", Self.ng() + Self.path()) == .fieldLength)
        #expect(try code("ima-ng", Self.ng() + Self.path() + Records.field([])) == .trailingBytes)
    }

    @Test("of an unknown kind are no file's") func unknown() throws {
        let data = Self.ng() + Self.path()
        let names = [
            "foo", "", "ima-", "d-ng|n-ng|", "|d-ng|n-ng", "d-ng|foo", "d-ng|d-ng|n-ng", "d-ng n-ng", "IMA-NG",
        ]
        for name in names { #expect(try fields(name, data).0.kind == .unknownTemplate, "\(name)") }
        #expect(try fields("n-ng", Self.path()).0.kind == .unknownTemplate)
        #expect(try fields("d-ng", Self.ng()).0.kind == .unknownTemplate)
        #expect(try fields("buf|n-ng", Records.field([1]) + Self.path()).0.kind == .unknownTemplate)
        // A digest first, a name second, and no other of either.
        let swapped = try fields("n-ng|d-ng", Self.path() + Self.ng()).0
        #expect(swapped.kind == .unknownTemplate && swapped.isCustom)
        #expect(try fields("d-ng|n-ng|n", data + Self.path()).0.kind == .unknownTemplate)
        #expect(try fields("d-ng|n-ng|d-ngv2", data + Self.ng("ima:sha256:")).0.kind == .unknownTemplate)
        #expect(try fields("iuid|d-ng|n-ng", Records.field([]) + data).0.kind == .unknownTemplate)
        #expect(try fields("d-ng|n-ng", data).0.kind == .file)
        #expect(try fields("d-ng|n-ng", data).0.isCustom && !fields("ima-ng", data).0.isCustom)
    }

    @Test("of a file's record tell what would be the buffer of one") func bufferOfFile() throws {
        let data = Self.ng() + Self.path()
        let (signed, bytes) = try fields("ima-sig", data + Records.field([3, 9]))
        #expect(signed.kind == .file && Array(bytes[signed.buffer]) == [3, 9])
        #expect(try fields("d-ng|n-ng|iuid", data + Records.field([1, 2, 3, 4])).0.buffer.count == 4)
        #expect(try fields("ima-ng", data).0.buffer.isEmpty)
        #expect(try fields("ima-sigv2", Self.ng("ima:sha256:") + Self.path() + Records.field([3])).0.buffer.isEmpty)
        let (buffer, content) = try fields("ima-buf", data + Records.field([6, 9]))
        let isLikeSignature = buffer.couldBeFile(in: content.span)
        #expect(buffer.kind == .buffer && isLikeSignature)
        let (text, words) = try fields("ima-buf", data + Records.field([0x36]))
        let isText = !text.couldBeFile(in: words.span)
        #expect(isText)
    }

    @Test("that aren't what the template says are told by what is wrong") func malformed() throws {
        let digest20 = [UInt8](repeating: 7, count: 20)
        let none = Records.field([])
        let cases: [(String, [UInt8], MalformedRecord.Code)] = [
            ("ima-ng", [], .fieldLength),
            ("ima-ng", [1, 2], .fieldLength),
            ("ima-ng", [0xff, 0xff, 0xff, 0xff], .fieldLength),
            ("ima-ng", Self.ng("sha256", Self.digest) + Self.path(), .digestHeader),
            ("ima-ng", Records.field([]) + Self.path(), .digestHeader),
            ("ima-ng", Records.field([0]) + Self.path(), .digestHeader),
            ("ima-ng", Records.field(Self.bytes("sha256:")) + Self.path(), .digestHeader),
            ("ima-ng", Self.ng(":") + Self.path(), .unknownHash),
            ("ima-ng", Self.ng("sha257:") + Self.path(), .unknownHash),
            ("ima-ng", Self.ng("sha256:", digest20) + Self.path(), .digestSize),
            ("ima-ng", Self.ng("sha1:") + Self.path(), .digestSize),
            ("ima-ng", Self.ng() + Records.field(Self.bytes("/x")), .nameEnd),
            ("ima-ng", Self.ng() + Records.field([]), .nameEnd),
            ("ima-ng", Self.ng() + Records.field(Self.bytes("/x") + [0, 0]), .nameEnd),
            ("ima-ng", Self.ng() + Records.field(Self.bytes("/x") + [0] + Self.bytes("y") + [0]), .nameEnd),
            ("ima-ng", Self.ng() + Self.path("/" + String(repeating: "x", count: 4095)), .nameTooLong),
            ("d|n", Records.field(digest20) + Self.path("/" + String(repeating: "x", count: 4095)), .nameTooLong),
            ("ima-sig", Self.ng() + Self.path() + Records.field([4, 4]), .signature),
            ("ima-sig", Self.ng() + Self.path() + Records.field([0x30]), .signature),
            ("d-ng|n-ng|evmsig", Self.ng() + Self.path() + Records.field([3]), .signature),
            ("d-ng|n-ng|modsig|iuid", Self.ng() + Self.path() + Records.field([3]) + none, .appendedSignature),
            ("ima-modsig", Self.ng() + Self.path() + none + none + Records.field([0x30]), .appendedSignature),
            ("ima-modsig", Self.ng() + Self.path() + none + Self.ng() + none, .appendedSignature),
            ("ima-buf", Self.ng() + Self.path() + none, .emptyBuffer),
            ("d-ng|n-ng|buf", Self.ng() + Self.path() + Records.field([1]), .bufferOfFile),
            (
                "d|n-ng", Records.field(Self.bytes("/234567890123456789") + [0]) + Self.path("/234567890123456789"),
                .swapped
            ),
            ("d|n-ng", Records.field(Self.bytes("/23456789012345") + [0]) + Self.path("/234567890123456789"), .swapped),
            ("d|n", Records.field([1]) + Self.path(), .digestSize),
            ("d-ng|n-ng|iuid", Self.ng() + Self.path() + Records.field([1, 2]), .fixedSize),
            ("d-ng|n-ng|igid", Self.ng() + Self.path() + Records.field([1]), .fixedSize),
            ("d-ng|n-ng|imode", Self.ng() + Self.path() + Records.field([1, 2, 3, 4]), .fixedSize),
            (
                "d-ng|n-ng|xattrnames|xattrlengths|xattrvalues",
                Self.ng() + Self.path() + Self.path("a|b") + Records.field([1, 0, 0, 0]) + Records.field([1]),
                .attributes
            ),
            (
                "d-ng|n-ng|xattrnames|xattrlengths|xattrvalues",
                Self.ng() + Self.path() + Self.path("a") + Records.field([0xff, 0xff, 0xff, 0xff]) + Records.field([1]),
                .attributes
            ),
        ]
        for (template, data, expected) in cases {
            #expect(try code(template, data) == expected, "\(template) \(data)")
        }
    }

    @Test("of a digest without its algorithm's name are taken where they can't be a name") func plainDigest() throws {
        let ending = [UInt8](repeating: 7, count: 19) + [0]
        #expect(try fields("d|n-ng", Records.field(ending) + Self.path("/x")).0.kind == .file)
        let nineteen = Self.path("/234567890123456789")
        #expect(try fields("d|n-ng", Records.field([UInt8](repeating: 7, count: 20)) + nineteen).0.kind == .file)
        #expect(try fields("d|n-ng", Records.field([0] + ending.dropFirst()) + nineteen).0.kind == .file)
    }

    @Test("hold names as long as any path, and no longer") func longestName() throws {
        #expect(try fields("ima-ng", Self.ng() + Self.path("/" + String(repeating: "x", count: 4094))).0.kind == .file)
    }

    @Test("may be empty where the kernel has nothing") func empty() throws {
        let none = Records.field([])
        #expect(try fields("ima-modsig", Self.ng() + Self.path() + none + none + none).0.kind == .file)
        #expect(
            try fields("evm-sig", Self.ng() + Self.path() + none + none + none + none + none + none + none).0.kind
                == .file)
    }

    @Test("of a violation may have 20 zeros for a digest, whatever the hash") func violation() throws {
        let data = Self.ng("sha256:", [UInt8](repeating: 0, count: 20)) + Self.path()
        #expect(try code("ima-ng", data) == .digestSize)
        let (violation, _) = try fields("ima-ng", data, column: [UInt8](repeating: 0, count: 20))
        #expect(violation.kind == .file)
        #expect(violation.isViolation)
        let (other, _) = try fields("ima-ng", Self.ng() + Self.path(), column: [UInt8](repeating: 0xff, count: 20))
        #expect(!other.isViolation)
    }

    @Test("over their limit are told, though the record isn't") func limits() throws {
        let bytes = Records.file("/" + String(repeating: "x", count: 100))
        var reader = RecordReader(bytes.span, format: LogFormat())
        let record = try #require(try reader.next())
        let limits = LogLimits(recordBytes: 1 << 20, fieldBytes: 64, templateNameBytes: 255)
        guard case .malformed(let problem) = RecordFields(record, in: bytes.span, limits: limits).kind else {
            Issue.record("not malformed")
            return
        }
        #expect(problem.code == .fieldTooLong)
    }

    @Test("are as many as fit the template's one word") func packing() {
        #expect(TemplateField.allCases.count == 16)
        #expect(TemplateField.allCases.allSatisfy { $0.rawValue < 16 })
        let fixed = Template(name: Self.bytes("d-ng|n-ng|imode").span)
        #expect(fixed?.hasFixedLayout == true)
        let template = Template(name: Self.bytes("imode|igid|d-ng|xattrvalues|n-ng").span)
        #expect(template?.hasFixedLayout == false)
        #expect(template?.count == 5)
        #expect(
            template.map { t in (0..<t.count).map { t[$0] } } == [
                .mode, .group, .digestWithAlgorithm, .attributeValues, .path,
            ])
        #expect(template?.contains(.mode) == true)
        #expect(template?.contains(.buffer) == false)
        let sixteen = TemplateField.allCases.map { "\($0.id)" }.joined(separator: "|")
        let tooMany = Template(name: Self.bytes(sixteen).span)
        #expect(tooMany == nil)
    }
}
