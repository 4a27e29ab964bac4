import AssayCrypto
import Bytes
import TestSupport
import Testing

@testable import Appraisal

@Suite("The policy")
struct PolicyTests {
    /// A signature in a file of its own is another system's feature.
    static let cases = Case.all("policy").filter { folder in
        (try? Case(folder)).map { $0.topic != "detached-signature" } ?? true
    }

    @Test("All cases are there") func all() { #expect(Self.cases.count == 33) }

    @Test("A policy case gives its verdict", arguments: cases)
    func policyCase(folder: String) throws {
        let test = try Case(folder)
        let outcome = try #require(test.expected)
        let expected = outcome.verdict == "pass"
        switch test.topic {
        case "schema", "verification-keys":
            if let keyring = test.inputs.keyring_json {
                let keys = try VerificationKeyText.read(test.bytes(keyring))
                #expect(keys.map(\.keyID.description) == outcome.key_ids)
            } else {
                try schema(test.bytes(try #require(test.inputs.policy)), outcome)
            }
        case "dsse":
            let source = try test.bytes(try #require(test.inputs.envelope))
            let signers = try test.inputs.key.map { [try PublicKey(pem: test.bytes($0))] } ?? []
            let payload = try? SignedPolicy.payload(of: source, signers: signers)
            #expect((payload != nil) == expected)
            #expect(payload.map { PCRBank.sha256.digest(of: $0).description } == outcome.payload_sha256)
        case "checksum":
            let source = try test.bytes(try #require(test.inputs.policy))
            let checksum = try #require(Digest([UInt8](hexadecimal: test.inputs.checksum ?? "") ?? []))
            #expect(PolicyCheck(source: source, checksum: checksum).faults.allSatisfy { $0.place != "file" })
            let other = Digest(repeating: 0, count: 32)
            #expect(PolicyCheck(source: source, checksum: other).faults.first?.place == "file")
        case "legacy":
            let converted = try LegacyAllowlist.convert(
                test.bytes(try #require(test.inputs.allowlist)),
                excludes: ExcludeList(test.bytes(try #require(test.inputs.exclude_list)), file: "excludes"))
            let wanted = try JSONParser.parse(test.bytes(try #require(outcome.policy)))
            // Other tools know of no expressions but excludes.
            var document = converted.document
            document.excludes = document.assay.unrootedNames + document.excludes
            document.assay.unrootedNames = []
            #expect(canonical(try JSONParser.parse(document.json)) == canonical(wanted))
            _ = try Policy(json: converted.document.json)
        case "from-log":
            var draft = PolicyDraft()
            try draft.allow(log: test.bytes(try #require(test.inputs.log_ascii)))
            let digests = draft.document.digests.map { entry in
                (String(decoding: entry.name, as: UTF8.self), entry.digests.map(\.hexadecimal))
            }
            #expect(Dictionary(uniqueKeysWithValues: digests) == outcome.digests)
            #expect(draft.digestAlgorithm?.description == outcome.file_digest_algorithm)
            _ = try Policy(json: draft.document.json)
        case "exclude-line":
            let line = try test.bytes(try #require(test.inputs.line))
            var warnings: [PolicyError.Fault] = []
            let pattern = Array(line.prefix { $0 != 0x0a })
            #expect(((try? Excludes(regexes: [pattern], globs: [], warnings: &warnings)) != nil) == expected)
        default: Issue.record("a topic that nothing tests: \(test.topic)")
        }
    }

    private func schema(_ source: [UInt8], _ expected: Case.Expected) throws {
        let policy = try? Policy(json: source)
        #expect((policy != nil) == (expected.verdict == "pass"))
        #expect(PolicyCheck(source: source).faults.isEmpty == (policy != nil))
        guard policy != nil else { return }
        if let hash = expected.sha256_of_file { #expect(policy?.contentHash.description == hash) }
        let (document, _) = try PolicyDocument.read(source)
        if let counts = expected.counts {
            let found = [
                "digests": document.digests.count, "excludes": document.excludes.count,
                "keyrings": document.keyrings.count, "ima_buf": document.buffers.count,
            ]
            #expect(found == counts)
        }
        // What is written reads back to the same.
        var again = try PolicyDocument.read(document.json).document
        again.sort()
        var sorted = document
        sorted.sort()
        #expect(again == sorted)
    }

    /// A value without its timestamps, and with the members of all objects sorted.
    private func canonical(_ json: JSON) -> JSON {
        switch json {
        case .object(let members):
            let sorted = members.filter { $0.key != Array("timestamp".utf8) }
                .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            return .object(sorted.map { .init(key: $0.key, value: canonical($0.value)) })
        case .array(let values): return .array(values.map(canonical))
        default: return json
        }
    }

    @Test("Every fault is named with its place")
    func places() throws {
        let source = """
            {"meta": {"version": 2, "generator": 9}, "release": "x",
             "digests": {"/bin/x": ["\(hex("a"))", "ABC"], "/bin/y": "z"},
             "excludes": [1], "keyrings": {".ima": [true]}, "ima-buf": [],
             "ima": {"ignored_keyrings": "*", "log_hash_alg": "md5"}, "verification-keys": 0,
             "assay": {"violations": "perhaps", "pcrs": {"24": {}, "7": {"sha256": ["\(hex("b", 20))"]}}, "other": 1}}
            """
        let error = try #require(throws: PolicyError.self) { try Policy(json: Array(source.utf8)) }
        #expect(
            error.faults.map(\.place) == [
                "meta.version", "meta.generator", "release", "digests[\"/bin/x\"][1]", "digests[\"/bin/y\"]",
                "excludes[0]", "keyrings[\".ima\"][0]", "ima-buf", "ima.ignored_keyrings", "ima.log_hash_alg",
                "verification-keys", "assay.violations", "assay.pcrs[\"24\"]", "assay.pcrs[\"7\"].sha256[0]",
                "assay.other",
            ])
    }

    @Test("What is missing is named")
    func missing() throws {
        let error = try #require(throws: PolicyError.self) { try Policy(json: Array("{}".utf8)) }
        #expect(error.faults.count == 8)
    }

    @Test(
        "Text that is no JSON is an error with its line",
        arguments: [
            "", "{", "[1,]", "{\"a\":1,\"a\":2}", "{\"a\" 1}", "nul", "\"\u{1}\"", "{} x", "\"\\ud800\"", "01", "-",
            "1e", "\"\\x\"",
        ])
    func noJSON(text: String) throws {
        let error = try #require(throws: PolicyError.self) { try Policy(json: Array(text.utf8)) }
        #expect(error.faults[0].place.hasPrefix("line 1"))
    }

    @Test("Depth is bounded")
    func depth() {
        #expect(throws: JSONError.self) { try JSONParser.parse([UInt8](repeating: UInt8(ascii: "["), count: 100_000)) }
    }

    @Test("Strings' escapes are read")
    func escapes() throws {
        let json = try JSONParser.parse(Array(#"["\u00e9\n\"\\\/", "\ud83d\ude00", -12, 1.5, true, null]"#.utf8))
        #expect(
            json
                == .array([
                    .string(Array("é\n\"\\/".utf8)), .string(Array("😀".utf8)), .integer(-12), .otherNumber, .bool(true),
                    .null,
                ]))
    }

    @Test("Invalid UTF-8 in a string is refused")
    func invalidUTF8() {
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xff, 0x22]) }
    }

    @Test("A digest's length that no hash has is a warning")
    func oddLength() throws {
        let policy = try Policy(json: source(digests: #""/a": ["\#(hex("a", 30))"]"#))
        #expect(policy.warnings.map(\.place) == [#"digests["/a"][0]"#])
    }

    @Test("A hash of the source names the policy")
    func contentHash() throws {
        let source = source(digests: "")
        #expect(try Policy(json: source).contentHash == PCRBank.sha256.digest(of: source))
    }

    @Test("A plain policy where a signature is required, and a signed one without a key, are refused")
    func signedOrPlain() throws {
        let key = try PublicKey(pem: try Fixtures.bytes("appraisal/policy/dsse-oneOfTwo/key.pem"))
        #expect(throws: PolicyError.self) { try Policy(source: source(digests: ""), signers: [key]) }
        let envelope = try Fixtures.bytes("appraisal/policy/dsse-oneOfTwo/policy.dsse.json")
        #expect(throws: PolicyError.self) { try Policy(json: envelope) }
    }

    @Test("A payload under another type is not what was signed")
    func payloadType() throws {
        let key = try PublicKey(pem: try Fixtures.bytes("appraisal/policy/dsse-p521/key.pem"))
        let envelope = try Fixtures.bytes("appraisal/policy/dsse-p521/policy.dsse.json")
        #expect(throws: Never.self) { try Policy(source: envelope, signers: [key]) }
        let other = String(decoding: envelope, as: UTF8.self).replacing("keylime", with: "keylimf")
        #expect(throws: PolicyError.self) { try Policy(source: Array(other.utf8), signers: [key]) }
    }

    @Test("Verification keys come as PEM, as base64 DER, or as JSON with ids", arguments: ["key0.pem", "key1.pem"])
    func verificationKeys(name: String) throws {
        let pem = try Fixtures.bytes("appraisal/ima-log/sig-both/\(name)")
        let fromPEM = try #require(try VerificationKeyText.read(pem).first)
        let body = pem.split(separator: 0x0a).filter { $0.first != UInt8(ascii: "-") }.joined()
        let fromDER = try #require(try VerificationKeyText.read(Array(body)).first)
        #expect(fromDER.keyID == fromPEM.keyID)
        let base64 = String(decoding: Array(body), as: UTF8.self)
        let stated = try VerificationKeyText.read(Array(#"{"pubkeys": ["\#(base64)"], "keyids": [305419896]}"#.utf8))
        #expect(stated.map(\.keyID.description) == ["12345678"])
        #expect(try VerificationKeyText.read([]).isEmpty)
        for bad in [
            #"{"pubkeys": ["\#(base64)"], "keyids": []}"#, #"{"pubkeys": ["AAAA"]}"#, #"{"keyids": []}"#,
            #"{"pubkeys": ["\#(base64)"], "keyids": [-1]}"#, "AAAA", "-----BEGIN PUBLIC KEY-----",
        ] {
            #expect(throws: PolicyError.self) { try VerificationKeyText.read(Array(bad.utf8)) }
        }
    }

    @Test("Base64 is strict but for its alphabet and padding")
    func base64() {
        #expect(Base64.decode("-_8=".utf8) == [0xfb, 0xff])
        #expect(Base64.decode("+/8".utf8) == [0xfb, 0xff])
        #expect(Base64.decode("".utf8) == [])
        for bad in ["A", "AB=C", "AB======", "A*AA", "AB", "AAA=="] {
            #expect(Base64.decode(bad.utf8) == nil, "\(bad)")
        }
    }
}

/// Hexadecimal digits of a digest of one digit repeated.
func hex(_ digit: Character, _ bytes: Int = 32) -> String {
    String(repeating: digit, count: 2 * bytes)
}

extension PolicyDocument {
    /// Puts names and digests in one order.
    mutating func sort() {
        for section in [\PolicyDocument.digests, \.keyrings, \.buffers] {
            for index in self[keyPath: section].indices {
                self[keyPath: section][index].digests.sort { $0.lexicographicallyPrecedes($1) }
            }
            self[keyPath: section].sort { $0.name.lexicographicallyPrecedes($1.name) }
        }
    }
}

/// A policy's JSON, its parts given as text.
func source(
    digests: String = "", excludes: String = "", keyrings: String = "", buffers: String = "", ignored: String = "",
    keys: String = "", assay: String = ""
) -> [UInt8] {
    let text = """
        {"meta": {"version": 1, "generator": 0}, "release": 0, "digests": {\(digests)}, "excludes": [\(excludes)],
         "keyrings": {\(keyrings)}, "ima": {"ignored_keyrings": [\(ignored)], "log_hash_alg": "sha1"},
         "ima-buf": {\(buffers)}, "verification-keys": "\(keys)", "assay": {\(assay)}}
        """
    return Array(text.utf8)
}
