import AssayCrypto
import Bytes
import Foundation
import TestSupport
import Testing

@testable import Appraisal

@Suite("Checking, comparing and signing policies")
struct PolicyFileTests {
    @Test("A check names faults of the schema, of expressions and of keys, all in one run")
    func check() throws {
        let text = """
            {"meta": {"version": 2, "generator": 0}, "release": 0, "digests": {"/a": ["x"]}, "excludes": ["(", "", "["],
             "keyrings": {}, "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1"}, "ima-buf": {},
             "verification-keys": "no key"}
            """
        let check = PolicyCheck(source: Array(text.utf8))
        #expect(
            check.faults.map(\.place) == [
                "meta.version", "digests[\"/a\"][0]", "excludes[0]", "excludes[2]", "verification-keys",
            ])
        #expect(check.warnings.map(\.place) == ["assay.pcrs", "excludes[1]"])
        let broken = PolicyCheck(source: Array("{\n  \"meta\" 1".utf8))
        #expect(broken.faults.map(\.place) == ["line 2, column 10"])
    }

    /// But for the one that the boot isn't appraised, which the tests before have.
    private func warnings(_ text: [UInt8]) -> [String] {
        PolicyCheck(source: text).warnings.filter { $0.place != "assay.pcrs" }.map(\.description)
    }

    @Test("A check says which expressions fit no path, and what those over other names open")
    func unrootedNames() throws {
        let found = warnings(
            source(
                excludes: #""boot_aggregate", "memfd:.*", "/tmp/", "(boot|/x)", "[c-z].*", "/.*""#,
                assay:
                    #""unrooted_names": ["memfd:runc", ".*", "/x.*y", "boot_aggregate$"], "exclude_globs": ["memfd:*", "**"]"#
            ))
        let wanted: [(String, String)] = [
            ("excludes[1]", "can fit no path"), ("excludes[4]", "can fit no path"), ("excludes[5]", "every path"),
            ("assay.unrooted_names[0]", "lets any file so named pass"),
            ("assay.unrooted_names[1]", "lets any file at all pass"), ("assay.unrooted_names[2]", "fits nothing"),
            ("assay.unrooted_names[3]", "lets the boot_aggregate that begins a log pass"),
            ("assay.exclude_globs[0]", "can fit no path"), ("assay.exclude_globs[1]", "every path"),
        ]
        #expect(found.count == wanted.count, "\(found)")
        for (text, (place, words)) in zip(found, wanted) {
            #expect(text.hasPrefix(place) && text.contains(words), "\(text)")
        }
    }

    @Test("A check says which names of keyrings are like the kernel's and aren't") func keyringNames() throws {
        let key = hex("1")
        let found = warnings(
            source(
                keyrings: #""ima": ["\#(key)"], ".imma": ["\#(key)"], ".ima": ["\#(key)"], "mine": ["\#(key)"]"#,
                ignored: #""builtin_trusted_keys", "*", "_evm""#, assay: #""file_keyrings": [".evn"]"#))
        let wanted = [
            (#"keyrings: "ima""#, "is .ima,"), (#"keyrings: ".imma""#, "is .ima,"),
            (#"ima.ignored_keyrings: "builtin_trusted_keys""#, "is .builtin_trusted_keys,"),
            (#"assay.file_keyrings: ".evn""#, "is .evm,"),
        ]
        #expect(found.count == wanted.count, "\(found)")
        for (place, words) in wanted {
            #expect(found.contains { $0.hasPrefix(place) && $0.contains(words) }, "\(place) in \(found)")
        }
    }

    @Test("A policy in UTF-16 is said to be so") func otherEncoding() throws {
        let text: [UInt8] = source().flatMap { [$0, 0] as [UInt8] }
        for source in [text, [0xff, 0xfe] + text] {
            let faults = PolicyCheck(source: source).faults
            #expect(faults.map(\.description).joined().contains("this file is UTF-16: save it as UTF-8"), "\(faults)")
        }
    }

    @Test("A check says which rules for violations by path have no effect")
    func weakerPaths() throws {
        let rules = #""violations": {"paths": [{"glob": "/a", "action": "fail"}, {"glob": "/b", "action": "ignore"}]}"#
        let found = warnings(source(assay: rules))
        #expect(found.count == 1 && found[0].hasPrefix("assay.violations.paths[1]") && found[0].contains("no effect"))
    }

    @Test("A check says that a policy mixes digests of different hashes, where a path lacks one")
    func mixedDigests() throws {
        let (long, short) = (hex("a"), hex("b", 20))
        let mixed = warnings(
            source(digests: #""/a": ["\#(long)"], "/b": ["\#(short)"], "/c": ["\#(long)", "\#(short)"]"#))
        #expect(mixed.count == 1 && mixed[0].hasPrefix("digests") && mixed[0].contains("2 by SHA-1, 2 by SHA-256"))
        for digests in [
            #""/a": ["\#(long)"], "boot_aggregate": ["\#(short)"]"#, #""/a": ["\#(long)"], "/b": []"#,
            #""/a": ["\#(long)", "\#(short)"], "/b": ["\#(short)", "\#(long)"]"#,
        ] {
            #expect(warnings(source(digests: digests)).isEmpty)
        }
        let list = "\(long)  /a\n\(short)  /b\n"
        #expect(try LegacyAllowlist.convert(Array(list.utf8)).warnings.count == 1)
    }

    @Test("A comparison shows every section's differences, and none between equals")
    func difference() throws {
        let old = try PolicyDocument.read(
            source(
                digests: #""/a": ["\#(hex("a"))"], "/b": ["\#(hex("b"))"], "/none": []"#, excludes: #""/x""#,
                keyrings: #"".ima": ["\#(hex("1"))"]"#, ignored: #""k""#,
                assay: #""violations": "warn", "exclude_globs": ["/g"]"#)
        ).document
        let new = try PolicyDocument.read(
            source(
                digests: #""/a": ["\#(hex("c"))"], "/c": ["\#(hex("b"))"]"#, excludes: #""/y""#,
                buffers: #""v": ["\#(hex("2"))"]"#,
                assay: """
                    "violations": {"default": "fail", "paths": [{"glob": "/v", "action": "ignore"}]},
                    "unrooted_names": ["memfd:"], "templates": ["d|n"], "pcrs": {"7": {"sha256": ["\(hex("7"))"]}}
                    """)
        ).document
        #expect(PolicyDifference(from: old, to: old).changes.isEmpty)
        let lines = PolicyDifference(from: old, to: new).changes.map(\.description)
        #expect(
            lines == [
                "- digests[\"/a\"]: \(hex("a"))", "+ digests[\"/a\"]: \(hex("c"))", "- digests[\"/b\"]: \(hex("b"))",
                "+ digests[\"/c\"]: \(hex("b"))", "- digests[\"/none\"]: no digest", "- excludes: \"/x\"",
                "+ excludes: \"/y\"", "- keyrings[\".ima\"]: \(hex("1"))", "+ ima-buf[\"v\"]: \(hex("2"))",
                "- ima.ignored_keyrings: \"k\"", "- assay.violations: warn", "+ assay.violations: fail",
                "+ assay.violations.paths: \"/v\" ignore", "- assay.exclude_globs: \"/g\"",
                "+ assay.unrooted_names: \"memfd:\"", "+ assay.templates: \"d|n\"",
                "+ assay.pcrs: 7 sha256 \(hex("7"))",
            ])
        let reverse = PolicyDifference(from: new, to: old).changes
        #expect(reverse.count == lines.count && reverse.count(where: \.isAdded) == lines.count - 9)
    }

    @Test("Every part of a policy is written as it was read")
    func roundTrip() throws {
        let text = source(
            digests: #""/a\u0001\"\\é": ["\#(hex("b"))", "\#(hex("a", 20))"], "/empty": []"#,
            excludes: #""^/x$", "/é""#,
            keyrings: #"".ima": ["\#(hex("1", 64))"]"#, buffers: #""v": ["\#(hex("2"))"]"#, ignored: #""*""#,
            assay: """
                "violations": {"default": "fail", "paths": [{"glob": "/v*", "action": "ignore"}]},
                "unlisted_keyrings": "ignore", "file_keyrings": [".machine"], "exclude_globs": ["/g/**"],
                "unrooted_names": ["memfd:", "x"], "templates": ["d|n"],
                "pcrs": {"7": {"sha256": ["\(hex("7"))"], "sha1": ["\(hex("6", 20))"]}, "0": {"sha256": []}}
                """)
        var document = try PolicyDocument.read(text).document
        var again = try PolicyDocument.read(document.json).document
        document.sort()
        again.sort()
        #expect(again.assay.pcrs.count == 3 && Set(again.assay.pcrs) == Set(document.assay.pcrs))
        again.assay.pcrs = document.assay.pcrs
        #expect(again == document)
        #expect(try PolicyDocument.read(again.json).document.json == again.json)
    }

    @Test(
        "An envelope verifies by the key that signed it, and by no other",
        arguments: ["RSA", "prime256v1", "secp521r1"])
    func envelope(kind: String) throws {
        let key = kind == "RSA" ? try SigningKey(rsaBits: 2048) : try SigningKey(curve: kind)
        let policy = source(digests: listed())
        let envelope = try SignedPolicy.envelope(of: policy, keyID: "an id \"quoted\"") { message in
            try key.sign(PCRBank.sha256.digest(of: message).bytes, .sha256)
        }
        let signer = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo)
        #expect(try SignedPolicy.payload(of: envelope, signers: [signer]) == policy)
        #expect(PolicyCheck(source: envelope, signers: [signer]).faults.isEmpty)
        let other = try PublicKey(subjectPublicKeyInfo: SigningKey(curve: "prime256v1").subjectPublicKeyInfo)
        #expect(throws: PolicyError.self) { try SignedPolicy.payload(of: envelope, signers: [other]) }
        #expect(try SignedPolicy.payload(of: envelope, signers: [other, signer]) == policy)
        for index in stride(from: 0, to: envelope.count, by: 11) {
            var changed = envelope
            changed[index] ^= 1
            if let payload = try? SignedPolicy.payload(of: changed, signers: [signer]) { #expect(payload == policy) }
        }
    }

    @Test("Base64 is written as Foundation writes it", arguments: 0..<20)
    func base64(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + 251) }
        #expect(String(decoding: Base64.encode(bytes), as: UTF8.self) == Data(bytes).base64EncodedString())
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }

    @Test("A check warns where the boot is not appraised, and of nothing where it is")
    func boot() throws {
        let bare = PolicyCheck(source: source(digests: listed()))
        #expect(bare.faults.isEmpty && bare.warnings.map(\.place) == ["assay.pcrs"])
        #expect(bare.warnings.first?.message.contains("not appraised") == true)
        let pcrs = #""pcrs": {"0": {"sha256": ["\#(hex("1"))"]}, "7": {"sha1": [], "sha256": ["\#(hex("2"))"]}}"#
        #expect(PolicyCheck(source: source(digests: listed(), assay: pcrs)).warnings.isEmpty)
        let policy = try Policy(json: source(assay: pcrs))
        #expect(BootAppraisal(by: policy).description == "PCR 0,7 compared with the policy's assay.pcrs")
        #expect(BootAppraisal(by: try Policy(json: source())).description == "not appraised")
        #expect(BootAppraisal(by: nil) == .none && BootAppraisal.none.description == "not appraised")
    }

    @Test("What was signed as anything else than a policy is none; a stored one was checked when it was put")
    func payloadType() throws {
        let key = try SigningKey(curve: "prime256v1")
        let signer = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo)
        let policy = source(digests: listed())
        func envelope(_ type: String) throws -> [UInt8] {
            let message = Array("DSSEv1 \(type.utf8.count) \(type) \(policy.count) ".utf8) + policy
            let signature = try key.sign(PCRBank.sha256.digest(of: message).bytes, .sha256)
            return Array(
                #"""
                {"payload": "\#(Data(policy).base64EncodedString())", "payloadType": "\#(type)",
                 "signatures": [{"keyid": "", "sig": "\#(Data(signature).base64EncodedString())"}]}
                """#.utf8)
        }
        let good = try envelope("application/vnd.keylime+json")
        #expect(try SignedPolicy.payload(of: good, signers: [signer]) == policy)
        for type in ["application/vnd.in-toto+json", "application/vnd.keylime+jso", "", "application/json"] {
            let error = try #require(throws: PolicyError.self) {
                try SignedPolicy.payload(of: try envelope(type), signers: [signer])
            }
            #expect(error.faults.map(\.place) == ["envelope.payloadType"])
            #expect(error.description.contains("application/vnd.keylime+json is expected"))
        }
        let put = try Policy(source: good, signers: [signer])
        let again = try Policy(storedSource: good)
        #expect(again.contentHash == put.contentHash && again.compiled == put.compiled)
        #expect(throws: PolicyError.self) { try Policy(source: good) }
        #expect(try Policy(storedSource: policy).compiled == Policy(json: policy).compiled)
        #expect(throws: PolicyError.self) { try Policy(storedSource: Array("{}".utf8)) }
    }

    @Test("What padded banks mean is read, written and compared")
    func paddedBanks() throws {
        let old = try PolicyDocument.read(source()).document
        let new = try PolicyDocument.read(source(assay: #""padded_banks": "fail""#)).document
        #expect(old.assay.paddedBanks == nil && new.assay.paddedBanks == .fail)
        #expect(try PolicyDocument.read(new.json).document.assay == new.assay)
        #expect(PolicyDifference(from: old, to: new).changes.map(\.description) == ["+ assay.padded_banks: fail"])
        let check = PolicyCheck(source: source(assay: #""padded_banks": "no""#))
        #expect(check.faults.map(\.place) == ["assay.padded_banks"])
    }
}
