import AssayCrypto
import Bytes
import IMA
import TestSupport
import Testing

@testable import Appraisal

/// A record as a kernel measured it: what its template digest is over, and the template that laid it out.
private struct MeasuredRecord: CustomStringConvertible {
    /// The template's name, or a format string.
    let template: String
    /// What the template digest is over.
    let data: [UInt8]
    /// What the kernel meant: the name and the digest.
    let name: String
    let digest: [UInt8]

    var description: String { "\(template) \(name) \(data.count) bytes" }

    /// The record in a log, under some template's name.
    func encoded(as label: String) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(UInt32(10), .little)
        writer.raw(PCRBank.sha1.digest(of: data).bytes)
        writer.sized(by: UInt32.self, Array(label.utf8), .little)
        guard label == "ima" else {
            writer.sized(by: UInt32.self, data, .little)
            return writer.bytes
        }
        // No length in front, and the zeros behind the name are not in the log.
        let name = data.dropFirst(20).prefix(255)
        writer.raw(Array((data + [UInt8](repeating: 0, count: 20)).prefix(20)))
        writer.sized(by: UInt32.self, Array(name.reversed().drop { $0 == 0 }.reversed()), .little)
        return writer.bytes
    }
}

/// Makes records of every template, with what a host's users can have measured in them.
private struct Kernel {
    let key: SigningKey
    /// A certificate that a policy may list for `.ima`.
    let certificate: [UInt8]
    private let log = LogBuilder()

    static let excluded = "/excluded/x"
    static let names = ["/listed", excluded, ".ima", "kernel_version", "kexec_load"]
    static let builtIn = [
        "ima", "ima-ng", "ima-ngv2", "ima-sig", "ima-sigv2", "ima-buf", "ima-modsig", "evm-sig",
    ]
    /// Formats that a policy can list.
    static let listable = [
        "d-ng|n-ng", "d-ng|n-ng|iuid", "d-ng|n-ng|sig", "d-ng|n-ng|buf", "d-ng|n-ng|xattrnames", "d|n", "d|n-ng",
        "d-ngv2|n-ng|imode", "d-ng|n|sig|iuid|igid",
    ]
    /// Formats that a kernel can have and a policy can't list.
    static let others = ["n-ng|d-ng", "n-ng|d", "n|d", "n-ng|d-ngv2", "sig|n-ng|d-ng", "iuid|d-ng|n-ng"]
    /// Neither, though their records mean the same as those of a listable one with as many fields.
    static let likeListable = [
        "d-ng|n-ng|n", "d-ng|n-ng|d", "d-ng|n-ng|xattrvalues", "d-ng|n-ng|xattrlengths", "d-ng|n-ng|modsig",
    ]

    /// Files' contents and signatures, buffers: what else is in a record of three fields.
    private func payloads(_ digest: [UInt8]) throws -> [[UInt8]] {
        [[], try key.blob(3, over: digest), [3, 2], [5, 2, 4, 1, 2, 3, 4, 0, 1, 9], [6, 3, 4, 1, 2, 3, 4, 0, 1, 9]]
    }

    /// Contents that a file has for a signature, too, and that may be buffers: their digest is the record's.
    private var contents: [[UInt8]] {
        [
            [3, 1, 4], [6, 5], certificate, Array("6.12.0".utf8), Array("6.12".utf8), Array("name".utf8) + [0],
            Array("kexec_segment_size=1;ima_binary_runtime_size=1;ima_runtime_measurements_count=1;".utf8),
        ]
    }

    private func sha256(_ bytes: [UInt8]) -> [UInt8] { PCRBank.sha256.digest(of: bytes).bytes }

    /// All records.
    func records() throws -> [MeasuredRecord] {
        var records: [MeasuredRecord] = []
        for name in Self.names {
            for content in ["listed", "other"] {
                let digest = sha256(Array(content.utf8))
                for template in Self.builtIn + Self.listable + Self.others {
                    records += try self.records(template, name, digest)
                }
            }
            for content in contents { records += selfContained(name, content) }
        }
        return records + swapped
    }

    /// Records of one template that differ in what follows digest and name.
    private func records(_ template: String, _ name: String, _ digest: [UInt8]) throws -> [MeasuredRecord] {
        let path = log.nameField(name)
        let none = log.sized([])
        let old = log.sized(Array(digest.prefix(20)))
        func record(_ data: [UInt8], _ digest: [UInt8] = digest) -> MeasuredRecord {
            MeasuredRecord(template: template, data: data, name: name, digest: digest)
        }
        let plain = log.digestField(digest) + path
        switch template {
        case "ima":
            let padded = Array(name.utf8) + [UInt8](repeating: 0, count: 256 - name.utf8.count)
            return [record(Array(digest.prefix(20)) + padded, Array(digest.prefix(20)))]
        case "ima-ng", "d-ng|n-ng": return [record(plain)]
        case "ima-ngv2":
            return ["ima:sha256:", "verity:sha256:"].map { record(log.digestField(digest, $0) + path) }
        case "ima-sig", "d-ng|n-ng|sig": return try payloads(digest).map { record(plain + log.sized($0)) }
        case "ima-sigv2":
            return try ["ima:sha256:", "verity:sha256:"].flatMap { prefix in
                try payloads(digest).map { record(log.digestField(digest, prefix) + path + log.sized($0)) }
            }
        case "ima-buf": return []
        case "ima-modsig":
            let appended = log.digestField(sha256([1])) + log.sized([0x30, 0x03, 2, 1, 1])
            return [none + none, appended].map { record(plain + none + $0) }
        case "evm-sig":
            let empty = [UInt8]((0..<7).map { _ in none }.joined())
            let filled =
                log.sized([5, 2, 4, 1, 2, 3, 4, 0, 1, 9]) + log.nameField("security.ima") + log.sized([2, 0, 0, 0])
                + log.sized([1, 2]) + log.sized([0, 0, 0, 0]) + log.sized([0, 0, 0, 0]) + log.sized([0, 0])
            return [empty, filled].map { record(plain + $0) }
        case "d-ng|n-ng|iuid": return [record(plain + log.sized([3, 0, 0, 0])), record(plain + none)]
        case "d-ng|n-ng|buf": return [record(plain + none)]
        case "d-ng|n-ng|xattrnames": return [none, log.nameField("security.ima")].map { record(plain + $0) }
        case "d|n", "d|n-ng": return [record(old + path, Array(digest.prefix(20)))]
        case "d-ngv2|n-ng|imode": return [record(log.digestField(digest, "ima:sha256:") + path + log.sized([0, 1]))]
        case "d-ng|n|sig|iuid|igid": return [record(plain + none + log.sized([0, 0, 0, 0]) + log.sized([0, 0, 0, 0]))]
        case "n-ng|d-ng": return [record(path + log.digestField(digest))]
        case "n-ng|d", "n|d": return [record(path + old, Array(digest.prefix(20)))]
        case "n-ng|d-ngv2": return [record(path + log.digestField(digest, "ima:sha256:"))]
        case "sig|n-ng|d-ng": return [record(log.sized([3, 2, 4]) + path + log.digestField(digest))]
        case "iuid|d-ng|n-ng": return [record(log.sized([0, 0, 0, 0]) + plain)]
        default:
            Issue.record("no records of \(template)")
            return []
        }
    }

    /// Buffers, and files whose content is their own last field.
    private func selfContained(_ name: String, _ content: [UInt8]) -> [MeasuredRecord] {
        let digest = sha256(content)
        let data = log.digestField(digest) + log.nameField(name) + log.sized(content)
        var templates = ["ima-buf"]
        if [3, 6].contains(content.first) { templates += ["ima-sig", "d-ng|n-ng|sig"] }
        if content.count == 4 { templates.append("d-ng|n-ng|iuid") }
        if content.last == 0 { templates.append("d-ng|n-ng|xattrnames") }
        return templates.map { MeasuredRecord(template: $0, data: data, name: name, digest: digest) }
    }

    /// Of kernels that log names first and digests without a name: a file so called, with content found by trying, so that
    /// its digest is a path.
    private var swapped: [MeasuredRecord] {
        let digest = Array("/excluded/abcdefghi".utf8) + [0]
        return ["/a23456789012345678", "/excluded/123456789"].map { name in
            MeasuredRecord(
                template: "n-ng|d", data: log.nameField(name) + log.sized(digest), name: name, digest: digest)
        }
    }
}

@Suite("Records under another template's name")
struct RelabellingTests {
    private enum Rules: String, CaseIterable {
        case narrow, wide, wideWithoutTemplates, everyFile, everyBuffer
    }

    private let kernel: Kernel
    private let records: [MeasuredRecord]
    private let signatures = VerifiedSignatures()

    init() throws {
        kernel = Kernel(key: try SigningKey(curve: "prime256v1"), certificate: try Signed().certificate)
        records = try kernel.records()
    }

    private func policy(_ rules: Rules) throws -> Policy {
        let bytes = { (text: String) in Array(text.utf8) }
        var document = PolicyDocument()
        document.digests = [
            .init(name: bytes("boot_aggregate"), digests: [LogBuilder.digest("boot")]),
            .init(name: bytes("/listed"), digests: [LogBuilder.digest("listed")]),
        ]
        let certificate = PCRBank.sha256.digest(of: kernel.certificate).bytes
        document.keyrings = [.init(name: bytes(".ima"), digests: [certificate])]
        document.buffers = [
            .init(
                name: bytes("kernel_version"),
                digests: [[3, 1, 4], bytes("6.12.0")].map { PCRBank.sha256.digest(of: $0).bytes })
        ]
        document.assay.templates = Kernel.listable.map(bytes)
        document.verificationKeys = Base64.encode(kernel.key.subjectPublicKeyInfo)
        let everything = Dictionary(grouping: records, by: \.name).map { name, records in
            PolicyDocument.Entry(name: bytes(name), digests: records.map(\.digest))
        }
        switch rules {
        case .narrow:
            document.excludes = [bytes("/excluded/")]
            document.assay.unrootedNames = [bytes("kernel_v")]
        case .wide, .wideWithoutTemplates:
            document.excludes = [bytes(".*")]
            document.assay.unrootedNames = [bytes(".*")]
            document.assay.unlistedKeyrings = .ignore
            if rules == .wideWithoutTemplates { document.assay.templates = [] }
        case .everyFile: document.digests += everything.filter { $0.name != bytes("/listed") }
        case .everyBuffer:
            document.buffers = everything
            document.keyrings += everything
        }
        return try Policy(document: document, contentHash: PCRBank.sha256.digest(of: bytes(rules.rawValue)))
    }

    private func outcome(_ record: MeasuredRecord, as label: String, _ policy: Policy) -> AppraisalOutcome {
        var log = LogBuilder()
        log.bootAggregate()
        let beginning = log.bytes
        // The PCR is extended by what was measured, whatever the log then calls it.
        log.add(record.template, record.data)
        var options = AppraisalOptions()
        options.verifiedSignatures = signatures
        return appraise(beginning + record.encoded(as: label), policy: policy, options: options, quote: log.quote())
    }

    private func severity(_ outcome: AppraisalOutcome) -> Int {
        switch outcome.tier {
        case .affirming: 0
        case .warning: 1
        case .none, .contraindicated: 2
        }
    }

    @Test("never do better than under their own, whatever the policy", arguments: [0, 1, 2, 3, 4])
    func neverBetter(index: Int) throws {
        let rules = Rules.allCases[index]
        let policy = try policy(rules)
        let labels = Kernel.builtIn + Kernel.listable + Kernel.others + Kernel.likeListable + ["ima-own", ""]
        var passing = 0
        for record in records {
            // Of a format that isn't listed nothing passes: its records are not to be told from those of a built-in one with
            // the same fields, and mean the same.
            let isSilent = rules == .wideWithoutTemplates && Kernel.listable.contains(record.template)
            if isSilent { continue }
            let own = outcome(record, as: record.template, policy)
            #expect(own.matchedRecord == 2, "\(record)")
            if severity(own) == 0 { passing += 1 }
            for label in labels where label != record.template {
                let other = outcome(record, as: label, policy)
                #expect(
                    severity(other) >= severity(own)
                        && (other.learned.count <= own.learned.count || severity(other) == 2),
                    "\(rules): \(record) as \(label): \(other.tier), its own \(own.tier) \(own.findings.kept)")
            }
        }
        // Something must be there that could be made worse.
        #expect(passing > 20, "\(rules)")
    }

    @Test("A file's record that could be a buffer's must pass as both, and so must a buffer's that could be a file's")
    func bothKinds() throws {
        let content: [UInt8] = [3, 1, 4]
        let digest = PCRBank.sha256.digest(of: content)
        var file = LogBuilder()
        file.bootAggregate()
        file.signed("/excluded/x", digest.bytes, content)
        let wide = try policy(.wide)
        let outcome = appraise(file.bytes, policy: wide, quote: file.quote())
        #expect(outcome.reasons == ["not_in_policy"] && outcome.findings.kept.first?.path == Array("/excluded/x".utf8))
        var buffer = LogBuilder()
        buffer.bootAggregate()
        buffer.buffer("state", content)
        let entry = #""state": ["\#(digest)"]"#
        let asBuffer = try Policy(json: source(digests: listed(), buffers: entry))
        let refused = appraise(buffer.bytes, policy: asBuffer, quote: buffer.quote())
        #expect(refused.reasons == ["not_in_policy"])
        #expect(refused.findings.kept.first?.remedy.contains("under ima-buf and under digests") == true)
        let asBoth = try Policy(json: source(digests: listed() + ", " + entry, buffers: entry))
        #expect(appraise(buffer.bytes, policy: asBoth, quote: buffer.quote()).tier == .affirming)
        // Whichever it is called, and with signatures required and no policy, too.
        var named = LogBuilder()
        named.bootAggregate()
        named.signed("state", digest.bytes, content)
        #expect(appraise(named.bytes, policy: asBuffer, quote: named.quote()).tier == .contraindicated)
        #expect(appraise(named.bytes, policy: asBoth, quote: named.quote()).tier == .affirming)
        var options = AppraisalOptions()
        options.requiresSignatures = true
        options.bootAggregates = [PCRBank.sha256.digest(of: Array("boot".utf8))]
        for log in [buffer, named] {
            #expect(!appraise(log.bytes, policy: nil, options: options, quote: log.quote()).passes)
        }
        // A policy that is made of such a log lists both.
        var draft = PolicyDraft()
        try draft.allow(log: buffer.bytes)
        let made = try Policy(json: draft.document.json)
        #expect(appraise(buffer.bytes, policy: made, quote: buffer.quote()).tier == .affirming)
    }

    @Test("Fields that a layout leaves empty or well-formed are held to that")
    func fields() throws {
        let plain = kernelFields()
        let log = LogBuilder()
        let none = log.sized([])
        let cases: [(template: String, data: [UInt8], problem: String)] = [
            ("ima-sig", plain + log.sized([0x30, 1]), "signature"), ("ima-buf", plain + none, "no buffer"),
            ("ima-modsig", plain + none + none + log.sized([0x30]), "appended"),
            ("ima-modsig", plain + none + log.digestField(LogBuilder.digest("b")) + none, "appended"),
            ("ima-modsig", plain + none + log.digestField(LogBuilder.digest("b")) + log.sized([1]), "appended"),
            ("evm-sig", plain + log.sized([3]) + [UInt8]((0..<6).map { _ in none }.joined()), "signature"),
        ]
        for (template, data, problem) in cases {
            var log = LogBuilder()
            log.bootAggregate()
            log.add(template, data)
            let policy = try Policy(json: source(digests: listed(["/a": "a"]), excludes: #""/a""#))
            let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
            #expect(outcome.reasons == ["parse_error"], "\(template)")
            #expect(outcome.findings.kept.first?.found.contains(problem) == true, "\(outcome.findings.kept)")
        }
    }

    private func kernelFields() -> [UInt8] {
        let log = LogBuilder()
        return log.digestField(LogBuilder.digest("a")) + log.nameField("/a")
    }

    // MARK: Custom formats

    private func customLog(_ format: String = "d-ng|n-ng|iuid") -> LogBuilder {
        var log = LogBuilder()
        let owner = log.sized([0, 0, 0, 0])
        log.add(format, log.digestField(LogBuilder.digest("boot")) + log.nameField("boot_aggregate") + owner)
        log.add(format, log.digestField(LogBuilder.digest("a")) + log.nameField("/a") + owner)
        return log
    }

    @Test("A custom format counts where the policy lists that very string; else the finding says what to write")
    func customFormat() throws {
        let log = customLog()
        func outcome(_ templates: String) throws -> AppraisalOutcome {
            let policy = try Policy(json: source(digests: listed(["/a": "a"]), assay: templates))
            var options = AppraisalOptions()
            options.requiresBootAggregate = true
            return appraise(log.bytes, policy: policy, options: options, quote: log.quote())
        }
        #expect(try outcome(#""templates": ["d|n", "d-ng|n-ng|iuid"]"#).tier == .affirming)
        for templates in ["", #""templates": ["d-ng|n-ng"]"#, #""templates": ["d-ng|n-ng|iuid|igid"]"#] {
            let refused = try outcome(templates)
            #expect(refused.reasons == ["unknown_template"] && refused.matchedRecord == 2)
            let remedy = try #require(refused.findings.kept.first?.remedy)
            #expect(remedy.contains(#""assay": {"templates": ["d-ng|n-ng|iuid"]}"#), "\(remedy)")
        }
        let without = appraise(log.bytes, policy: nil, quote: log.quote())
        #expect(without.reasons == ["unknown_template"])
        // What can't be listed isn't offered.
        var other = LogBuilder()
        other.add("n-ng|d-ng", other.nameField("/a") + other.digestField(LogBuilder.digest("a")))
        let policy = try Policy(json: source(digests: listed(["/a": "a"])))
        let finding = appraise(other.bytes, policy: policy, quote: other.quote()).findings.kept.first
        #expect(finding?.reason == .unknownTemplate && finding?.remedy == Reason.unknownTemplate.remedy)
    }

    @Test("A policy made of a log with custom formats lists them, once each")
    func madeOfCustomFormats() throws {
        let log = customLog()
        var draft = PolicyDraft()
        try draft.allow(log: log.bytes)
        #expect(draft.document.assay.templates == [Array("d-ng|n-ng|iuid".utf8)])
        let policy = try Policy(json: draft.document.json)
        #expect(appraise(log.bytes, policy: policy, quote: log.quote()).tier == .affirming)
    }

    @Test("A policy lists formats with one digest first and one name second, and no other")
    func listedFormats() throws {
        let format = { (format: String) in source(assay: #""templates": ["\#(format)"]"#) }
        for good in Kernel.listable { #expect(PolicyCheck(source: format(good)).faults.isEmpty, "\(good)") }
        for bad in Kernel.others + Kernel.likeListable + Kernel.builtIn + [
            "", "d-ng", "d-ng|n-ng|", "d-ng|n-ng|foo", "d-ng|n-ng|n-ng", "d-ng|sig|n-ng",
        ] {
            let faults = PolicyCheck(source: format(bad)).faults
            #expect(faults.map(\.place) == ["assay.templates[0]"], "\(bad)")
        }
    }
}
