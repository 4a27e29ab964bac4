import AssayCrypto
import Bytes
import IMA
import TestSupport
import Testing

@testable import Appraisal

@Suite("A policy in the making")
struct PolicyDraftTests {
    private func entries(_ list: [PolicyDocument.Entry]) -> [String: [String]] {
        Dictionary(uniqueKeysWithValues: list.map { (escaped($0.name), $0.digests.map(\.hexadecimal).sorted()) })
    }

    @Test("allows what a log holds, and a host with that log passes by it", arguments: KernelRun.small)
    func fromLog(run: KernelRun) throws {
        var draft = PolicyDraft()
        let log = try run.log
        try draft.allow(log: log)
        // Names that JSON can't hold, and fs-verity digests, need an exclude or a signature.
        try draft.exclude(
            ExcludeList(
                Array("# names\n/opt/lab/bad-utf8.*\n /opt/lab/verity.* \n\n/var/lib/verity\n".utf8), file: "list"))
        let policy = try Policy(json: draft.document.json)
        let point = try #require(try run.points.last { $0.matchesAfterEntries.count == 1 })
        let outcome = appraise(log, policy: policy, quote: try run.quote(point))
        let reasons = outcome.findings.failures.keys.filter { $0 != .wrongPCR }
        #expect(reasons.isEmpty, "\(outcome.findings.kept.prefix(5))")
        #expect(draft.document.excludes.count == 3)
    }

    @Test("takes shards that are cut anywhere, in either form")
    func shards() throws {
        let log = try KernelRun("own73-staging/boot1").log
        var whole = PolicyDraft()
        try whole.allow(log: log)
        for cut in [1, 30, 1000, 1001, 20_000, log.count - 1] {
            var draft = PolicyDraft()
            for shard in [log[..<cut], [], log[cut...]] { try draft.allow(shard: Array(shard)) }
            try draft.endLog()
            #expect(draft.document.json == whole.document.json, "\(cut)")
        }
        var cutShort = PolicyDraft()
        try cutShort.allow(shard: Array(log.dropLast()))
        let error = #expect(throws: LogError.self) { try cutShort.endLog() }
        #expect(error?.record == 185)
    }

    @Test("lists a blank in a path as the kernel logs it")
    func blanks() throws {
        var draft = PolicyDraft()
        draft.allow(file: Array("/a b/c d".utf8), digest: Digest(repeating: 1, count: 32))
        try draft.allow(key: [1, 2], on: Array("my ring".utf8), hash: .sha256)
        #expect(entries(draft.document.digests).keys.sorted() == ["/a_b/c_d"])
        #expect(entries(draft.document.keyrings) == ["my_ring": [PCRBank.sha256.digest(of: [1, 2]).description]])
    }

    @Test("lists a memfd by its name, and a boot_aggregate beside its violation, but no other violation")
    func builtIn() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("memfd:runc_cloned:/proc/self/exe", "runc")
        log.file("memfd:runc_cloned:/proc/self/exe", "runc 2")
        log.violation("/var/log/x")
        log.violation("boot_aggregate")
        var draft = PolicyDraft()
        try draft.allow(log: log.bytes)
        let digests = entries(draft.document.digests)
        #expect(digests.keys.sorted() == ["boot_aggregate", "memfd:runc_cloned:/proc/self/exe"])
        #expect(digests["memfd:runc_cloned:/proc/self/exe"]?.count == 2 && digests["boot_aggregate"]?.count == 2)
        let policy = try Policy(json: draft.document.json)
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.tier == .warning, "\(outcome.findings.kept)")
    }

    @Test("names what JSON can't hold")
    func unlistable() throws {
        var draft = PolicyDraft()
        draft.allow(file: [0x2f, 0xff], digest: Digest(repeating: 1, count: 32))
        #expect(draft.unlistable == [[0x2f, 0xff]] && draft.document.digests.isEmpty)
    }

    @Test("extends another policy, and takes its hash where there is no log", arguments: [20, 32, 48, 64])
    func extending(size: Int) throws {
        var base = PolicyDocument()
        base.digests = [
            .init(name: Array("boot_aggregate".utf8), digests: [[UInt8](repeating: 2, count: 32)]),
            .init(name: Array("/a".utf8), digests: [[UInt8](repeating: 1, count: size)]),
        ]
        base.excludes = [Array("/tmp".utf8)]
        base.assay.violations = .fail
        base.ignoredKeyrings = [Array(".platform".utf8)]
        var draft = PolicyDraft(extending: base)
        #expect(draft.digestAlgorithm?.digestSize == size)
        draft.allow(file: Array("/a".utf8), digest: Digest(repeating: 9, count: size))
        draft.allow(file: Array("/a".utf8), digest: Digest(repeating: 1, count: size))
        try draft.exclude(ExcludeList(Array("/tmp\n/run\n".utf8), file: "list"))
        for value: UInt8 in [1, 2, 1] {
            draft.allow(pcr: 7, in: .sha256, value: Digest(repeating: value, count: 32))
        }
        base.assay.pcrs = [
            .init(pcr: 7, bank: "sha256", values: [1, 2].map { [UInt8](repeating: $0, count: 32) })
        ]
        draft.ignore(keyring: Array(".platform".utf8))
        let document = try PolicyDocument.read(draft.document.json).document
        #expect(entries(document.digests)["/a"]?.count == 2 && document.digests.count == 2)
        #expect(document.excludes == ["/tmp", "/run"].map { Array($0.utf8) })
        #expect(document.assay == base.assay && document.ignoredKeyrings == base.ignoredKeyrings)
        try draft.allow(log: logOfSHA256())
        #expect(draft.digestAlgorithm == .sha256)
    }

    private func logOfSHA256() -> [UInt8] {
        var log = LogBuilder()
        log.file("/b", "b")
        return log.bytes
    }

    @Test("of a damaged log traps nothing", arguments: 0..<50)
    func hostile(seed: Int) throws {
        var log = try KernelRun("k612-mixed-templates/boot1").log
        for index in stride(from: seed * 37, to: log.count, by: 997) { log[index] ^= 0x5a }
        var draft = PolicyDraft()
        try? draft.allow(log: log)
        _ = try PolicyDocument.read(draft.document.json)
    }
}

@Suite("Older allowlists")
struct LegacyAllowlistTests {
    private func convert(_ text: String) throws -> [String: [String]] {
        let document = try LegacyAllowlist.convert(Array(text.utf8)).document
        return Dictionary(
            uniqueKeysWithValues: document.digests.map { (escaped($0.name), $0.digests.map(\.hexadecimal)) })
    }

    @Test("of lines are what sha256sum and its family print")
    func lines() throws {
        let text = """
            # made by hand
            \(hex("a"))  /bin/a
            \(hex("b")) */bin/b
              \(hex("C", 20))\t/bin/c d
            \\\(hex("d"))  /bin/new\\nline\\\\
            \(hex("e"))  /bin/a

            """
        #expect(
            try convert(text + "\r\n") == [
                "/bin/a": [hex("a"), hex("e")], "/bin/b": [hex("b")], "/bin/c_d": [hex("c", 20)],
                "/bin/new\\nline\\\\": [hex("d")],
            ])
    }

    @Test("are read as sha256sum escapes, tags and ends them")
    func forms() throws {
        let (a, b, c) = (hex("a"), hex("b"), hex("c", 20))
        #expect(
            try convert("\\\(a)  /cr\\rname\n\\\(b) */n\\nl\\\\\r\n\(c)  /plain\\r\n") == [
                "/cr\\x0dname": [a], "/n\\nl\\\\": [b], "/plain\\\\r": [c],
            ])
        #expect(
            try convert("SHA256 (/a) = \(a)\n\\SHA256 (/b\\n) = x) = \(b)\nSHA1 (/c d) = \(c)\r\n") == [
                "/a": [a], "/b\\n)_=_x": [b], "/c_d": [c],
            ])
        #expect(
            try convert("\(a)  /a\r\0\(b) */b\nc\\n\0SHA1 (#d) = \(c)\0") == [
                "/a\\x0d": [a], "/b\\nc\\\\n": [b], "#d": [c],
            ])
        #expect(try convert("\u{feff}\(a)  /a\n") == ["/a": [a]])
        let json = try LegacyAllowlist.convert(Array(#"\#u{feff}{"hashes": {"/a": ["\#(a)"]}}"#.utf8))
        #expect(json.document.digests.count == 1)
    }

    @Test(
        "name the line of an escape, a tag or a path that isn't read",
        arguments: [
            ("\\\(hex("a"))  /a\\x", "escape"), ("\\\(hex("a"))  /a\\", "escape"), ("\\\(hex("a"))  /\\t", "escape"),
            ("MD5 (/a) = \(hex("a"))", "tag"), ("BLAKE2b (/a) = \(hex("a", 64))", "tag"),
            ("SHA256 (/a) = \(hex("a", 20))", "tag"), ("SHA256 (/a) = xyz", "a digest and a path"),
            ("SHA256 (/a)", "a digest and a path"), ("SHA256 () = \(hex("a"))", "a digest and a path"),
        ])
    func badForms(line: String, problem: String) throws {
        for (text, place) in [("\(hex("a"))  /ok\n\(line)\n", "line 2"), ("\(line)\n", "line 1")] {
            let error = try #require(throws: PolicyError.self) { try LegacyAllowlist.convert(Array(text.utf8)) }
            #expect(error.faults.map(\.place) == [place])
            #expect(error.faults[0].message.contains(problem), "\(error)")
        }
        let binary = Array("\(hex("a"))  /a".utf8) + [0xff, 0]
        let error = try #require(throws: PolicyError.self) { try LegacyAllowlist.convert(binary) }
        #expect(error.faults.map(\.place) == ["entry 1"] && error.faults[0].message.contains("UTF-8"))
    }

    @Test("name the lines that are none")
    func badLines() throws {
        let text = "\(hex("a"))  /a\nxyz /b\n\(hex("a", 8))  /c\n\(hex("a"))\n\(hex("a"))  \u{0}\n"
        let error = try #require(throws: PolicyError.self) { try LegacyAllowlist.convert(Array(text.utf8)) }
        #expect(error.faults.map(\.place) == ["line 2", "line 3", "line 4"])
    }

    @Test("of JSON need hashes, and name every fault")
    func json() throws {
        let source = #"{"hashes": {"/a": ["x"]}, "keyrings": [], "other": 1}"#
        let error = try #require(throws: PolicyError.self) { try LegacyAllowlist.convert(Array(source.utf8)) }
        #expect(error.faults.map(\.place) == ["hashes[\"/a\"][0]", "keyrings"])
        #expect(throws: PolicyError.self) { try LegacyAllowlist.convert(Array("{}".utf8)) }
        #expect(throws: PolicyError.self) { try LegacyAllowlist.convert(Array("{".utf8)) }
        let empty = try LegacyAllowlist.convert(Array(#"{"hashes": {}, "mystery": 1}"#.utf8))
        #expect(empty.document.digests.isEmpty && empty.warnings.count == 1)
        _ = try Policy(json: empty.document.json)
    }
}

@Suite("Lists of excludes")
struct ExcludeListTests {
    private func expressions(_ text: [UInt8]) throws -> [String] {
        var draft = PolicyDraft()
        try draft.exclude(ExcludeList(text, file: "list"))
        return draft.document.excludes.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("have an expression a line; a byte order mark, blanks around, blank lines and lines of comments are none")
    func lines() throws {
        let text = "\u{feff}/tmp/\n\n  # a comment\n\t/run/.* \r\n/tmp/\n/var/log/ # trailing\n#/x\n"
        #expect(try expressions(Array(text.utf8)) == ["/tmp/", "/run/.*", "/var/log/ # trailing"])
        #expect(try expressions([]).isEmpty)
        #expect(try expressions([0xef, 0xbb, 0xbf]).isEmpty)
    }

    @Test("that can't be used are told with index, file and line, whatever the policy is made of")
    func faults() throws {
        let text = Array("/tmp/\r\n\n*\n/a".utf8) + [0xff] + Array("\n(\n/b\n".utf8)
        for run in [
            { _ = try expressions(text) },
            { _ = try LegacyAllowlist.convert([], excludes: ExcludeList(text, file: "list")) },
        ] {
            let error = try #require(throws: PolicyError.self) { try run() }
            #expect(error.faults.map(\.place) == ["excludes[1]", "excludes[2]", "excludes[3]"])
            #expect(error.faults[0].message.hasPrefix("\"*\" doesn't compile: "))
            #expect(error.faults[0].message.hasSuffix("(list, line 3)"))
            #expect(error.faults[1].message.contains("UTF-8") && error.faults[1].message.hasSuffix("(list, line 4)"))
            #expect(error.faults[2].message.hasSuffix("(list, line 5)"))
        }
    }
}
