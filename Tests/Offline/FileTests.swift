import Appraisal
import AssayCrypto
import Foundation
import IMA
import TPM
import TestSupport
import Testing

@testable import Offline

@Suite("Files that an appraisal is given")
struct FileTests {
    static let test = "ima-log/ng-ok"

    private func arguments(_ log: String? = nil) throws -> AppraisalArguments {
        let test = try Case(Self.test)
        var arguments = test.arguments()
        arguments.logs = [log ?? test.path("log.bin")]
        return arguments
    }

    private func isUnreadable(_ arguments: AppraisalArguments) -> Bool {
        do throws(OfflineError) {
            _ = try appraise(arguments)
            return false
        } catch {
            guard case .file(_, let problem) = error else { return false }
            return !problem.isEmpty
        }
    }

    @Test("A log comes to the same on any number of threads", arguments: [2, 3, 16])
    func threads(count: Int) throws {
        var arguments = AppraisalArguments()
        arguments.logs = [Fixtures.folder.appending(path: "generated/tampered/t.tamper-bad-signature.bin").path]
        arguments.policy = Fixtures.folder.appending(path: "generated/tampered/t.policy.json").path
        arguments.threads = 1
        let one = try appraise(arguments)
        arguments.threads = count
        let many = try appraise(arguments)
        #expect(many.findings == one.findings && many.signatures == one.signatures && many.pcr == one.pcr)
        #expect(one.signatures.verified > 16 && one.signatures.failed == 1)
    }

    @Test("A file that can't be read is no verdict")
    func unreadable() throws {
        let files = try TemporaryFolder()
        let missing = files.path("missing")
        #expect(isUnreadable(try arguments(missing)))
        #expect(isUnreadable(try arguments(files.path("."))))
        for change: (inout AppraisalArguments) -> Void in [
            { $0.policy = missing }, { $0.keys = [missing] }, { $0.policyKeys = [missing] },
            { $0.logs.append(missing) },
            { $0.state = files.path(".") }, { $0.state = missing + "/state" },
        ] {
            var arguments = try arguments()
            change(&arguments)
            #expect(isUnreadable(arguments))
        }
        let run = KernelRun("k612-imasig-sha256/boot1")
        for change: (inout AppraisalArguments) -> Void in [
            { $0.quote = missing }, { $0.signature = missing }, { $0.attestationKey = missing },
            { $0.pcrValues = missing },
        ] {
            var arguments = try run.quote(try #require(try run.points.first))
            change(&arguments)
            #expect(isUnreadable(arguments))
        }
    }

    @Test("A key that is none is no verdict; a policy that doesn't load is bad_policy")
    func wrongKind() throws {
        let files = try TemporaryFolder()
        let junk = try files.write(Array("junk".utf8), "junk")
        var keyed = try arguments()
        keyed.keys = [junk]
        #expect(isUnreadable(keyed))
        var judged = try arguments()
        judged.policy = junk
        let report = try appraise(judged)
        #expect(report.reasons == ["bad_policy"] && report.isContraindicated && report.records == 0)
    }

    @Test("A signed policy needs a key, a key a signed policy, and the right key lets it pass to its content")
    func signedPolicy() throws {
        let signed = try Case("policy/dsse-p521")
        let key = signed.path("key.pem")
        var arguments = try arguments()
        arguments.policy = signed.path("policy.dsse.json")
        #expect(try appraise(arguments).reasons == ["bad_policy"])
        arguments.policy = try Case(Self.test).inputs.policy.map(try Case(Self.test).path)
        arguments.policyKeys = [key]
        #expect(try appraise(arguments).reasons == ["bad_policy"])
        arguments.policyKeys = []
        #expect(!(try appraise(arguments).isContraindicated))
    }

    @Test("A log that ends within a record is a finding, wherever it ends")
    func truncated() throws {
        let files = try TemporaryFolder()
        let log = try Fixtures.bytes("appraisal/\(Self.test)/log.bin")
        var reader = RecordReader(log.span, format: LogFormat())
        var ends: Set<Int> = [0]
        while let record = try reader.next() { ends.insert(record.range.upperBound) }
        // One byte alone, a newline, could as well be text.
        for count in log.indices where count != 1 {
            var arguments = try arguments(try files.write(log[..<count], "log"))
            arguments.pcrs = []
            let report = try appraise(arguments)
            #expect(report.reasons.contains("parse_error") != ends.contains(count), "\(count)")
        }
    }

    @Test("Bytes that are no log are a finding")
    func junk() throws {
        let files = try TemporaryFolder()
        for bytes in [
            [0], Array("\n\nno log\n".utf8), [UInt8](repeating: 0, count: 5000), [UInt8](repeating: 0xff, count: 5000),
            Array("10 ".utf8), [10, 0, 0, 0, 255, 255, 255, 255], [UInt8](repeating: 0, count: 3 << 20),
        ] as [[UInt8]] {
            let report = try appraise(try arguments(try files.write(bytes, "log")))
            #expect(report.reasons.contains("parse_error"), "\(bytes.prefix(9)) \(report.findings.kept)")
            #expect(report.isContraindicated)
        }
    }

    @Test("An empty log has no record, and meets only a PCR that nothing was extended into")
    func empty() throws {
        var arguments = try arguments("/dev/null")
        #expect(try appraise(arguments).reasons == ["pcr_mismatch"])
        arguments.pcrs = ["sha256:" + String(repeating: "0", count: 64)]
        let report = try appraise(arguments)
        #expect(report.matchedRecord == 0 && report.records == 0)
    }

    @Test("Text and binary shards make one log")
    func mixedForms() throws {
        let test = try Case(Self.test)
        let files = try TemporaryFolder()
        let binary = try test.inputs.log_binary.map { try Fixtures.bytes("appraisal/\(Self.test)/\($0)") } ?? []
        let text = try Fixtures.bytes("appraisal/\(Self.test)/log.txt").split(separator: 0x0a)
        var arguments = try arguments()
        arguments.logs = [
            try files.write(try records(binary, 0..<1), "first"),
            try files.write(text.dropFirst().flatMap { $0 + [0x0a] }, "rest"),
        ]
        #expect(try appraise(arguments).tier == .affirming)
        arguments.logs = [
            try files.write(text.prefix(1).flatMap { $0 + [0x0a] }, "first"),
            try files.write(try records(binary, 1..<text.count), "rest"),
        ]
        #expect(try appraise(arguments).tier == .affirming)
    }

    @Test("Every truncation and every changed byte of a quote's files is a finding, never a pass")
    func damagedQuote() throws {
        let run = KernelRun("k612-imasig-sha256/boot1")
        let honest = try run.quote(try #require(try run.points.first))
        let files = try TemporaryFolder()
        let damaged = files.path("damaged")
        for path: WritableKeyPath<AppraisalArguments, String?> in [\.quote, \.signature] {
            let name = try #require(honest[keyPath: path])
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: name)))
            var arguments = honest
            arguments[keyPath: path] = damaged
            for index in stride(from: 0, to: bytes.count, by: 3) {
                _ = try files.write(bytes[..<index], "damaged")
                #expect(try appraise(arguments).isContraindicated, "\(name) \(index)")
                var changed = bytes
                changed[index] ^= 1
                _ = try files.write(changed, "damaged")
                #expect(try appraise(arguments).isContraindicated, "\(name) \(index)")
            }
        }
        var arguments = honest
        for path: WritableKeyPath<AppraisalArguments, String?> in [\.attestationKey, \.pcrValues] {
            arguments = honest
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: try #require(honest[keyPath: path]))))
            arguments[keyPath: path] = damaged
            for count in stride(from: 0, to: bytes.count, by: 7) {
                _ = try files.write(bytes[..<count], "damaged")
                #expect(try appraise(arguments).isContraindicated, "\(count)")
            }
        }
        arguments.attestationKey = try files.write(Array("-----BEGIN PUBLIC KEY-----\n".utf8), "damaged")
        #expect(try appraise(arguments).isContraindicated)
    }

    @Test("A bank that is demanded must be the quote's only one; IMA's PCR must be quoted where there is a log")
    func selection() throws {
        let banks = KernelRun("k61-imang-sha1-tis/boot1")
        let both = try #require(try banks.points.first { $0.point == "p05-critical-data" })
        var arguments = try banks.quote(both)
        #expect(Set(try appraise(arguments).quotedPCRs.banks) == [.sha1, .sha256])
        arguments.bank = "sha256"
        #expect(try appraise(arguments).reasons == ["wrong_bank"])
        let run = KernelRun("k612-imasig-sha256/boot1")
        arguments = try run.quote(try #require(try run.points.first))
        arguments.bank = "sha256"
        #expect(try appraise(arguments).tier == .none)
        arguments.bank = "sha1"
        #expect(try appraise(arguments).reasons == ["wrong_bank"])
        arguments.bank = nil
        arguments.pcrIndex = 11
        #expect(try appraise(arguments).tier == .none)
        arguments.logs = [run.path("log/binary_runtime_measurements")]
        #expect(try appraise(arguments).reasons.contains("pcr_selection_mismatch"))
    }
}

@Suite("Text that is longer than what is held of it")
struct LongTextTests {
    @Test("is read record by record, over any piece's end, and a fault has its place in the whole")
    func long() throws {
        // Violations: their column says nothing of where a record ends.
        let start = "10 \(String(repeating: "0", count: 40)) ima-ng sha1:\(String(repeating: "0", count: 40)) /"
        var text: [UInt8] = []
        var records: UInt64 = 0
        while text.count < 9 << 20 {
            let name = String(repeating: "n", count: Int(records % 3000)) + (records % 7 == 0 ? "\nx" : "")
            text += Array("\(start)\(name)\n".utf8) + (records % 5 == 0 ? [0x0a, 0x0a] : [])
            records += 1
        }
        text += [UInt8](repeating: 0x0a, count: 6 << 20)
        let files = try TemporaryFolder()
        var arguments = AppraisalArguments()
        arguments.violations = "fail"
        arguments.logs = [try files.write(text, "log")]
        let report = try appraise(arguments)
        #expect(report.records == records && report.findings.failures == [.violation: records])

        arguments.violations = "warn"
        arguments.logs = [try files.write(text + Array("10 none\n".utf8), "log")]
        let broken = try appraise(arguments)
        #expect(broken.records == records && broken.findings.failures == [.parseError: 1])
        let fault = try #require(broken.findings.kept.first { $0.reason == .parseError })
        #expect(fault.record == records && fault.found.contains("\(text.count)"), "\(fault)")
    }
}
