import AssayCrypto
import Bytes
import Testing

@testable import Appraisal

@Suite("The compiled policy")
struct CompiledPolicyTests {
    private static let everything = source(
        digests: #""/a": ["\#(hex("1"))", "\#(hex("2", 20))"], "/é": ["\#(hex("3", 64))"], "": [], "/none": []"#,
        excludes: #""/tmp/", "/x+$""#, keyrings: #"".ima": ["\#(hex("4"))"]"#, buffers: #""b": ["\#(hex("5"))"]"#,
        ignored: #"".blacklist""#,
        assay: """
            "violations": {"default": "warn", "paths": [{"glob": "/var/**", "action": "fail"}]},
            "unlisted_keyrings": "ignore", "file_keyrings": ["r"], "exclude_globs": ["/g/*"],
            "unrooted_names": ["memfd:x+$"], "templates": ["d-ng|n-ng|iuid"], "padded_banks": "fail",
            "pcrs": {"7": {"sha256": ["\(hex("6"))"]}}
            """)

    private func digest(_ digit: Character, _ bytes: Int = 32) -> [UInt8] {
        [UInt8](hexadecimal: hex(digit, bytes)) ?? []
    }

    @Test("A blob says what its source says")
    func roundTrip() throws {
        let made = try Policy(json: Self.everything)
        let policy = try Policy(compiled: made.compiled)
        #expect(policy.contentHash == made.contentHash)
        #expect(policy.rules == made.rules)
        #expect(policy.file("/a", digest("1")) == .allowed)
        #expect(policy.file("/a", digest("2", 20)) == .allowed)
        #expect(policy.file("/a", digest("2")) == .otherDigest)
        #expect(policy.file("/a", digest("1", 20)) == .otherDigest)
        #expect(policy.file("/é", digest("3", 64)) == .allowed)
        #expect(policy.file("/none", digest("1")) == .otherDigest)
        #expect(policy.file("", digest("1")) == .otherDigest)
        #expect(policy.file("/b", digest("1")) == .unlisted)
        #expect(policy.key(".ima", digest("4")) == .allowed)
        #expect(policy.buffer("b", digest("5")) == .allowed)
        #expect(policy.buffer("/a", digest("1")) == .unlisted)
        #expect(policy.ignores(keyring: Array(".blacklist".utf8)) && !policy.ignores(keyring: Array(".ima".utf8)))
        #expect(policy.fileKeyrings == [Array(".ima".utf8), Array("_ima".utf8), Array("r".utf8)])
        #expect(policy.violationAction("/var/log/x") == .fail)
        #expect(policy.violationAction("/usr/x") == .warn)
        #expect(policy.excludes.contains("/g/x") && policy.excludes.contains("memfd:xx"))
        let template = Array("d-ng|n-ng|iuid".utf8)
        let listsTemplate = policy.lists(template: template.span)
        #expect(listsTemplate)
        #expect(policy.expected("/a") == [hex("1"), hex("2", 20)])
    }

    @Test("A lookup finds every path among many, and no other")
    func many() throws {
        var document = PolicyDocument()
        for index in 0..<5000 {
            let digest = PCRBank.sha256.digest(of: Array("\(index)".utf8)).bytes
            document.digests.append(.init(name: Array("/usr/lib/x\(index)".utf8), digests: [digest]))
        }
        let policy = try Policy(document: document, contentHash: PCRBank.sha256.digest(of: []))
        for (index, entry) in document.digests.enumerated() {
            #expect(policy.file(entry.name, entry.digests[0]) == .allowed)
            let other = document.digests[(index + 1) % 5000]
            #expect(policy.file(entry.name, other.digests[0]) == .otherDigest)
            #expect(policy.file(entry.name + [0x21], entry.digests[0]) == .unlisted)
        }
    }

    @Test(
        "A path takes at most 64 bytes beyond its text, plus each digest's size and 8 bytes",
        arguments: [1, 1025, 4096, 5000])
    func size(count: Int) throws {
        var document = PolicyDocument()
        var allowed = 0
        for index in 0..<count {
            let name = Array("/p\(index)".utf8)
            document.digests.append(.init(name: name, digests: [digest("a"), digest("b", 20)]))
            allowed += name.count + 64 + 32 + 20 + 2 * 8
        }
        let empty = try Policy(document: PolicyDocument(), contentHash: PCRBank.sha256.digest(of: [])).compiled.count
        let policy = try Policy(document: document, contentHash: PCRBank.sha256.digest(of: []))
        #expect(policy.compiled.count - empty <= allowed)
    }

    @Test("A path takes its slots, a header of 8 bytes, its text and its digests with a byte of length each, exactly")
    func exactSize() throws {
        let empty = try Policy(document: PolicyDocument(), contentHash: PCRBank.sha256.digest(of: [])).compiled.count
        for (count, slots) in [(1, 2), (2, 4), (3, 8), (1024, 2048), (1025, 4096)] {
            var document = PolicyDocument()
            for index in 0..<count {
                document.digests.append(.init(name: Array("/path-\(1000 + index)".utf8), digests: [digest("a")]))
            }
            let policy = try Policy(document: document, contentHash: PCRBank.sha256.digest(of: []))
            let records = count * (8 + 10 + 1 + 32)
            let aligned = (records + 7) / 8 * 8
            #expect(policy.compiled.count - empty == aligned + slots * 8, "\(count)")
        }
    }

    @Test("A blob with any byte changed is refused")
    func damaged() throws {
        let blob = try Policy(json: Self.everything).compiled
        for index in blob.indices {
            var damaged = blob
            damaged[index] ^= 0x10
            #expect(throws: PolicyError.self, "byte \(index)") { try Policy(compiled: damaged) }
        }
    }

    @Test("A blob cut anywhere, or with a byte more, is refused")
    func cut() throws {
        let blob = try Policy(json: Self.everything).compiled
        for count in blob.indices {
            #expect(throws: PolicyError.self) { try Policy(compiled: Array(blob[..<count])) }
        }
        #expect(throws: PolicyError.self) { try Policy(compiled: blob + [0]) }
    }

    @Test("A blob of another version is refused, and says so")
    func otherVersion() throws {
        var blob = try Policy(json: Self.everything).compiled
        blob[8] = 9
        let error = try #require(throws: PolicyError.self) { try Policy(compiled: blob) }
        #expect(error.description.contains("version 9"))
    }

    @Test("A blob that is wrong under a right checksum traps nothing", arguments: 0..<400)
    func forged(seed: Int) throws {
        var blob = try Policy(json: Self.everything).compiled
        var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1
        for _ in 0..<4 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let index = 88 + Int(state >> 33) % (blob.count - 88)
            blob[index] = UInt8(truncatingIfNeeded: state >> 20)
        }
        guard let forged = CompiledPolicy.withChecksum(blob), let policy = try? Policy(compiled: forged) else { return }
        for name in ["/a", "/é", "", "/none", "/x", ".ima", "b"] {
            _ = policy.file(name, digest("1"))
            _ = policy.key(name, digest("4"))
            _ = policy.buffer(name, digest("5"))
            _ = policy.expected(name)
        }
    }
}
