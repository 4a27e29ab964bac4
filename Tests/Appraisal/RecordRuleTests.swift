import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport
import Testing

@testable import Appraisal

/// Titles begin with the rule of Docs/appraisal.md that they test.
@Suite("Rules for one record")
struct RecordRuleTests {
    private func outcome(
        _ log: LogBuilder, _ policy: [UInt8]?, options: AppraisalOptions = AppraisalOptions(), quote: QuotedPCRs? = nil
    ) throws -> AppraisalOutcome {
        appraise(
            log.bytes, policy: try policy.map { try Policy(json: $0) }, options: options, quote: quote ?? log.quote())
    }

    // MARK: 1. Layout

    @Test("1: a record that can't be delimited ends the appraisal, with its number and offset")
    func undelimitable() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        let offset = log.bytes.count
        log.forge([10, 0, 0, 0] + [UInt8](repeating: 1, count: 20) + [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0])
        var appraiser = Appraiser(policy: try Policy(json: source(digests: listed(["/b": "b"]))), quote: nil)
        #expect(appraiser.appraise(log.bytes.span) == log.bytes.count)
        let isEnded = appraiser.isEnded
        #expect(isEnded)
        let outcome = appraiser.finish()
        let error = try #require(outcome.findings.kept.first { $0.reason == .parseError })
        #expect(error.record == 2 && error.found.contains("at byte \(offset)"))
        #expect(outcome.reasons == ["parse_error", "not_in_policy"])
    }

    @Test("1: a log cut within a record is a parse error, wherever it is cut")
    func cut() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let first = log.bytes.count
        log.file("/a", "a")
        let policy = try Policy(json: source(digests: listed(["/a": "a"])))
        for count in log.bytes.indices where count != first && count != 0 {
            let outcome = appraise(Array(log.bytes[..<count]), policy: policy, quote: log.quote())
            #expect(outcome.reasons == ["parse_error", "pcr_mismatch"])
            #expect(outcome.newState == nil)
        }
    }

    @Test("1: an unknown template is hashed raw, replayed, and a finding")
    func unknownTemplate() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.add("ima-own", [1, 2, 3])
        let outcome = try outcome(log, source(digests: listed()))
        #expect(outcome.matchedRecord == 2)
        #expect(outcome.reasons == ["unknown_template"])
    }

    @Test(
        "1: fields that don't fit are a parse error, and the record is replayed",
        arguments: [
            [], [1, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff],
        ] as [[UInt8]])
    func malformed(data: [UInt8]) throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.add("ima-ng", data)
        let outcome = try outcome(log, source(digests: listed()))
        #expect(outcome.matchedRecord == 2)
        #expect(outcome.reasons == ["parse_error"])
    }

    @Test("1: a digest that doesn't fit its algorithm is a parse error")
    func digestSize() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.add("ima-ng", log.digestField([UInt8](repeating: 1, count: 20)) + log.nameField("/a"))
        #expect(try outcome(log, source(digests: listed(), excludes: #""/a""#)).reasons == ["parse_error"])
    }

    // MARK: 2 and 3. Template digest, PCR

    @Test("2: the column is only compared", arguments: [0x01, 0xff] as [UInt8])
    func column(byte: UInt8) throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.add(
            "ima-ng", log.digestField(LogBuilder.digest("a")) + log.nameField("/a"),
            column: [UInt8](repeating: byte, count: 20))
        let outcome = try outcome(log, source(digests: listed(["/a": "a"])))
        #expect(outcome.matchedRecord == 2)
        #expect(outcome.reasons == ["template_hash_mismatch"])
        #expect(outcome.violations == 0)
    }

    @Test("3: nothing vouches for a record of a PCR that the quote doesn't cover")
    func wrongPCR() throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", signed.certificate, pcr: 11)
        log.signed(signed.path, signed.digest, signed.signature)
        let outcome = try outcome(log, source(digests: listed(), keyrings: signed.listed(on: ".ima")))
        #expect(outcome.matchedRecord == 3)
        #expect(outcome.reasons == ["wrong_pcr", "not_in_policy", "unknown_key"])
        #expect(outcome.learned.isEmpty)
    }

    @Test("3: a PCR that anyone may reset vouches for nothing, quoted or not", arguments: [16, 23, 24, 4_000_000])
    func resettable(pcr: Int) throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a", pcr: pcr)
        log.file("/b", "b")
        let outcome = try outcome(
            log, source(digests: listed(["/a": "a", "/b": "b"])), quote: log.quote([10, 16, 23]))
        #expect(outcome.matchedRecord == 3)
        #expect(outcome.reasons == ["wrong_pcr"])
    }

    // MARK: 4. Violations

    @Test(
        "4: a violation is ignored, warned of, or fails, by default or by path; it is counted always",
        arguments: [
            ("", Tier.warning), (#""violations": "ignore""#, .affirming), (#""violations": "warn""#, .warning),
            (#""violations": "fail""#, .contraindicated),
            (
                #""violations": {"default": "fail", "paths": [{"glob": "/var/**", "action": "ignore"}]}"#,
                .contraindicated
            ),
            (#""violations": {"paths": [{"glob": "/var/**", "action": "ignore"}]}"#, .warning),
            (#""violations": {"default": "ignore", "paths": [{"glob": "/var/**", "action": "warn"}]}"#, .warning),
            (#""violations": {"default": "ignore", "paths": [{"glob": "/v*", "action": "fail"}]}"#, .affirming),
            (#""violations": {"paths": [{"glob": "/var/log/x", "action": "fail"}]}"#, .contraindicated),
        ])
    func violation(rules: String, tier: Tier) throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.violation("/var/log/x")
        let outcome = try outcome(log, source(digests: listed(), assay: rules))
        #expect(outcome.tier == tier)
        #expect(outcome.violations == 1)
        #expect(outcome.findings.count(.violation) == (tier == .affirming ? 0 : 1))
    }

    @Test("4: nothing else applies to a violation: no list, no signature, no buffer's digest, no learning")
    func violationAlone() throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        let zeros = log.digestField([UInt8](repeating: 0, count: 32))
        log.add("ima-sig", zeros + log.nameField("/unlisted") + log.sized([3, 9]), isViolation: true)
        log.add("ima-buf", zeros + log.nameField(".ima") + log.sized(signed.certificate), isViolation: true)
        let policy = source(digests: listed(), keyrings: signed.listed(on: ".ima"))
        let outcome = try outcome(log, policy)
        #expect(outcome.tier == .warning && outcome.findings.warnings == [.violation: 2], "\(outcome.findings.kept)")
        #expect(outcome.keyrings.isEmpty && outcome.signatures.failed == 0)
    }

    @Test("4: a violation is no measured file")
    func violationIsNoFile() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.violation("/x")
        var options = AppraisalOptions()
        options.requiresBootAggregate = true
        options.violations = .ignore
        let policy = source(digests: listed(["/x": "x"]))
        #expect(try outcome(log, policy, options: options).findings.warnings == [.nothingMeasured: 1])
        log.file("/x", "x")
        #expect(try outcome(log, policy, options: options).tier == .affirming)
    }

    @Test("4: the option takes the place of the policy's rule")
    func violationOption() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.violation("/x")
        var options = AppraisalOptions()
        options.violations = .ignore
        let policy = source(digests: listed(), assay: #""violations": "fail""#)
        #expect(try outcome(log, policy, options: options).tier == .affirming)
    }

    // MARK: 5. boot_aggregate

    @Test(
        "5: boot_aggregate passes if it is listed, excluded, computed or given",
        arguments: ["boot_aggregate", "boot_aggregate_late"])
    func bootAggregate(name: String) throws {
        var log = LogBuilder()
        log.bootAggregate("boot", name: name)
        let digest = LogBuilder.digest("boot").hexadecimal
        var given = AppraisalOptions()
        given.bootAggregates = [PCRBank.sha256.digest(of: Array("boot".utf8))]
        #expect(try outcome(log, source(digests: #""\#(name)": ["\#(digest)"]"#)).tier == .affirming)
        #expect(try outcome(log, source(excludes: #""boot_aggregate""#)).tier == .affirming)
        #expect(try outcome(log, source(), options: given).tier == .affirming)
        #expect(try outcome(log, source()).reasons == ["not_in_policy"])
        given.bootAggregates = [PCRBank.sha1.digest(of: [])]
        #expect(try outcome(log, source(), options: given).reasons == ["not_in_policy"])
        given.bootAggregates = [PCRBank.sha256.digest(of: [])]
        #expect(try outcome(log, source(), options: given).reasons == ["digest_mismatch"])
        #expect(try outcome(log, source(digests: #""\#(name)": ["\#(hex("0"))"]"#)).reasons == ["digest_mismatch"])
    }

    @Test("5: the quoted PCRs 0-7 or 0-9 give its value", arguments: [7, 9])
    func computedBootAggregate(last: Int) throws {
        var log = LogBuilder()
        for pcr in 0...9 { log.add("x", [UInt8(pcr)], pcr: pcr) }
        let firmware = log.quote(Array(0...9))
        let values = (0...last).flatMap { firmware.values[.sha256, $0]?.bytes ?? [] }
        var measured = LogBuilder()
        let digest = PCRBank.sha256.digest(of: values).bytes
        measured.add("ima-ng", measured.digestField(digest) + measured.nameField("boot_aggregate"))
        var quoted = firmware.values
        quoted[.sha256, 10] = measured.quote().values[.sha256, 10]
        #expect(try outcome(measured, source(), quote: QuotedPCRs(quoted)).tier == .affirming)
        quoted[.sha256, 0] = Digest(repeating: 1, count: 32)
        #expect(try outcome(measured, source(), quote: QuotedPCRs(quoted)).reasons == ["digest_mismatch"])
    }

    @Test("5: behind record 0 no exclude fits, and only a value that is known ends what was learned")
    func laterBootAggregate() throws {
        let signed = try Signed()
        let known = PCRBank.sha256.digest(of: Array("boot".utf8))
        let cases: [(digests: String, given: [Digest], content: String, isKnown: Bool)] = [
            ("", [known], "boot", true), (#""boot_aggregate": ["\#(known)"]"#, [], "boot", true),
            ("", [known], "other", false), (#""boot_aggregate": ["\#(known)"]"#, [], "other", false),
            ("", [], "boot", false),
        ]
        for (digests, given, content, isKnown) in cases {
            for name in ["boot_aggregate", "boot_aggregate_late"] where name == "boot_aggregate" || digests.isEmpty {
                var log = LogBuilder()
                log.bootAggregate()
                log.buffer(".ima", signed.certificate)
                log.bootAggregate(content, name: name)
                log.signed(signed.path, signed.digest, signed.signature)
                var options = AppraisalOptions()
                options.bootAggregates = given
                let policy = source(
                    digests: digests, excludes: #""boot_aggregate""#, keyrings: signed.listed(on: ".ima"),
                    assay: #""unrooted_names": ["boot_aggregate(_late)?$"], "exclude_globs": ["boot*"]"#)
                let outcome = try outcome(log, policy, options: options)
                let unknown = given.isEmpty && digests.isEmpty ? "not_in_policy" : "digest_mismatch"
                let reasons: Set<String> = isKnown ? ["not_in_policy", "unknown_key"] : [unknown]
                #expect(outcome.reasons == reasons, "\(name) \(content): \(outcome.findings.kept)")
                #expect(outcome.keyrings.isEmpty == isKnown)
            }
        }
    }

    @Test("5: at record 0 it is excluded by any expression that fits it, wherever that stands")
    func excludedBootAggregate() throws {
        var log = LogBuilder()
        log.bootAggregate()
        for rules in [
            source(excludes: #""boot_aggregate""#), source(excludes: #"".*""#),
            source(assay: #""unrooted_names": ["boot_"]"#), source(assay: #""exclude_globs": ["boot_*"]"#),
        ] {
            #expect(try outcome(log, rules).tier == .affirming)
        }
        #expect(try outcome(log, source(excludes: #""/.*""#)).reasons == ["not_in_policy"])
    }

    @Test("5: with signatures required and no policy, one whose value isn't known is not_signed")
    func unknownBootAggregate() throws {
        var log = LogBuilder()
        log.bootAggregate()
        var options = AppraisalOptions()
        options.requiresSignatures = true
        #expect(try outcome(log, nil, options: options).reasons == ["not_signed"])
        options.bootAggregates = [PCRBank.sha256.digest(of: Array("boot".utf8))]
        #expect(try outcome(log, nil, options: options).tier == .none)
    }

    // MARK: 6. Files

    @Test("6a: an excluded path passes, its signature unseen")
    func excluded() throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/tmp/a", "a")
        log.signed("/tmp/b", signed.digest, [3, 2])
        let outcome = try outcome(log, source(digests: listed(), excludes: #""/tmp/""#))
        #expect(outcome.tier == .affirming)
        #expect(outcome.signatures.failed == 0)
    }

    @Test("6a: excludes fit paths alone; what has none passes by an expression of its own, and the finding says so")
    func unrooted() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("memfd:runc", "a")
        let everything = #"".*", "memfd:.*", "memfd:runc""#
        let refused = try outcome(
            log, source(digests: listed(), excludes: everything, assay: #""exclude_globs": ["**"]"#))
        #expect(refused.reasons == ["not_in_policy"])
        #expect(refused.findings.kept.first?.remedy.contains("assay.unrooted_names") == true)
        let passes = [
            source(digests: listed(), assay: #""unrooted_names": ["memfd:"]"#),
            source(digests: listed(["memfd:runc": "a"])),
        ]
        for policy in passes { #expect(try outcome(log, policy).tier == .affirming) }
        var path = LogBuilder()
        path.bootAggregate()
        path.file("/memfd:runc", "a")
        #expect(
            try outcome(path, source(digests: listed(), assay: #""unrooted_names": [".*"]"#)).reasons == [
                "not_in_policy"
            ])
    }

    @Test(
        "6a: a name longer than a path can be is a finding, and meets no expression", arguments: [4095, 4096, 1 << 19])
    func longName(count: Int) throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/" + String(repeating: "x", count: count - 1), "a")
        let outcome = try outcome(log, source(digests: listed(), excludes: #""/""#))
        #expect(outcome.reasons == (count > 4095 ? ["parse_error"] : []))
        #expect(outcome.matchedRecord == 2)
    }

    @Test("6d: digests of another hash alone are said to be that: nothing was compared")
    func otherHash() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        log.buffer("b", [1])
        let other = hex("1", 20)
        let policy = source(
            digests: listed() + #", "/a": ["\#(other)"]"#, buffers: #""b": ["\#(other)", "\#(hex("2", 64))"]"#)
        let findings = try outcome(log, policy).findings.kept
        #expect(findings.map(\.reason) == [.digestMismatch, .digestMismatch])
        #expect(findings[0].expected == "\(other) (the policy lists it by SHA-1 only, the log has SHA-256)")
        #expect(findings[1].expected.contains("by SHA-1 and SHA-512 only, the log has SHA-256"))
        #expect(findings.allSatisfy { $0.remedy.contains("--hash sha256") })
        let both = source(digests: listed() + #", "/a": ["\#(other)", "\#(hex("2"))"]"#, excludes: #""/none""#)
        let compared = try #require(try outcome(log, both).findings.kept.first)
        #expect(compared.expected == "\(other) or \(hex("2"))" && compared.remedy == Reason.digestMismatch.remedy)
    }

    @Test("6b: a good signature passes whatever the list says; 6c: a listed digest passes whatever the signature")
    func signedOrListed() throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", signed.certificate)
        log.signed(signed.path, signed.digest, signed.signature)
        log.signed("/listed", LogBuilder.digest("l"), signed.signature)
        log.signed("/listed", LogBuilder.digest("l"), [3, 2, 4])
        let digests = listed(["/listed": "l"]) + #", "\#(signed.path)": ["\#(hex("0"))"]"#
        let outcome = try outcome(log, source(digests: digests, keyrings: signed.listed(on: ".ima")))
        #expect(outcome.tier == .affirming)
        #expect(outcome.signatures.verified == 1 && outcome.signatures.failed == 2)
    }

    @Test("6d: what fails says what the list knows, and what became of the signature")
    func unlisted() throws {
        let signed = try Signed()
        var badID = signed.signature
        badID[3] ^= 1
        var otherHash = signed.signature
        otherHash[2] = 6
        let evm = [5] + signed.signature.dropFirst()
        let verity = [6, 3] + signed.signature.dropFirst(2)
        let cases: [(signature: [UInt8], reason: String)] = [
            ([], "not_signed"), (badID, "unknown_key"), (otherHash, "bad_signature"), (evm, "not_signed"),
            (verity, "bad_signature"), (Array(signed.signature.dropLast()), "bad_signature"), ([3], "bad_signature"),
            (signed.signature + [0], "bad_signature"), ([3, 7] + signed.signature.dropFirst(2), "bad_signature"),
            ([3, 3] + signed.signature.dropFirst(2), "bad_signature"),
        ]
        for test in cases {
            for (path, reason) in [("/unlisted", "not_in_policy"), ("/listed", "digest_mismatch")] {
                var log = LogBuilder()
                log.bootAggregate()
                log.buffer(".ima", signed.certificate)
                log.signed(path, signed.digest, test.signature)
                let policy = source(digests: listed(["/listed": "l"]), keyrings: signed.listed(on: ".ima"))
                #expect(try outcome(log, policy).reasons == [reason, test.reason], "\(test.signature.prefix(9))")
            }
        }
    }

    @Test("6: a template without a signature's field is not_signed only where signatures are required")
    func templateWithoutSignature() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.file("/a", "a")
        var options = AppraisalOptions()
        #expect(try outcome(log, source(digests: listed())).reasons == ["not_in_policy"])
        options.requiresSignatures = true
        #expect(
            try outcome(log, source(digests: listed()), options: options).reasons == ["not_in_policy", "not_signed"])
    }

    @Test("6: an fs-verity digest never matches the list; an exclude lets it pass")
    func verity() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.signed("/a", LogBuilder.digest("a"), [], prefix: "verity:sha256:")
        let digests = listed(["/a": "a"])
        #expect(try outcome(log, source(digests: digests)).reasons == ["digest_mismatch", "not_signed"])
        #expect(try outcome(log, source(digests: listed())).reasons == ["not_in_policy", "not_signed"])
        #expect(try outcome(log, source(digests: digests, excludes: #""/a""#)).tier == .affirming)
    }

    @Test("6: without a policy and without requiring signatures a key only counts")
    func countsOnly() throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.signed(signed.path, signed.digest, signed.signature)
        log.signed("/other", LogBuilder.digest("x"), signed.signature)
        var options = AppraisalOptions()
        options.keys = [try VerificationKey(encoded: signed.certificate)]
        let outcome = try outcome(log, nil, options: options)
        #expect(outcome.tier == .none && outcome.findings.isEmpty)
        #expect(outcome.signatures.verified == 1 && outcome.signatures.failed == 1)
    }

    // MARK: 7 and 8. Buffers, kinds

    @Test("7: a buffer's digest is recomputed first, and a forged one teaches nothing")
    func forgedBuffer() throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", [1, 2, 3], over: signed.certificate)
        log.buffer(".ima", signed.certificate, over: [1])
        let outcome = try outcome(
            log, source(digests: listed(), keyrings: signed.listed(on: ".ima"), buffers: signed.listed(on: ".ima")))
        #expect(outcome.reasons == ["buffer_digest_mismatch"])
        #expect(outcome.findings.count(.bufferDigestMismatch) == 2)
        #expect(outcome.learned.isEmpty)
    }

    @Test("7: excludes are for paths only")
    func excludedBuffer() throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer("kernel_version", [6])
        log.buffer(".ima", signed.certificate)
        let outcome = try outcome(log, source(excludes: #""""#))
        #expect(outcome.findings.count(.notInPolicy) == 2 && outcome.learned.isEmpty)
    }

    @Test(
        "7: ignored keyrings are neither judged nor learned from; other buffers are judged all the same",
        arguments: ["*", ".ima"])
    func ignoredKeyring(name: String) throws {
        let signed = try Signed()
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", signed.certificate)
        log.buffer(".ima", [1])
        let policy = source(digests: listed(), keyrings: signed.listed(on: ".ima"), ignored: #""\#(name)""#)
        let outcome = try outcome(log, policy)
        #expect(outcome.findings.failures == [.notInPolicy: 1])
        #expect(outcome.learned.isEmpty)
    }

    @Test("7: a listed key that can't be used passes, isn't learned, and explains a signature that names it")
    func unusableKey() throws {
        let certificate = try #require(Base64.decode(ed25519.utf8))
        let digest = PCRBank.sha256.digest(of: certificate)
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", certificate)
        let policy = source(digests: listed(), keyrings: #"".ima": ["\#(digest)"]"#)
        let passed = try outcome(log, policy)
        #expect(passed.tier == .affirming && passed.keyrings.keyrings.isEmpty)
        log.signed("/a", LogBuilder.digest("a"), [3, 2, 4, 0x5e, 0x2b, 0x3e, 0x25, 0, 1, 9])
        #expect(try outcome(log, policy).reasons == ["not_in_policy", "unsupported_key"])
    }

    @Test("8: a key, a buffer and a file are each allowed in their own section only")
    func kinds() throws {
        let signed = try Signed()
        let any = #""x": ["\#(signed.certificateDigest)", "\#(LogBuilder.digest("x").hexadecimal)"]"#
        var key = LogBuilder()
        key.buffer("x", signed.certificate)
        var buffer = LogBuilder()
        buffer.buffer("x", Array("x".utf8))
        var file = LogBuilder()
        file.file("x", "x")
        let logs = [key, buffer, file]
        let policies = [source(keyrings: any), source(buffers: any), source(digests: any)]
        for (index, log) in logs.enumerated() {
            for (other, policy) in policies.enumerated() {
                let outcome = try outcome(log, policy)
                #expect(outcome.findings.isEmpty == (index == other))
            }
        }
    }
}

/// A self-signed certificate of an Ed25519 key, which no IMA signature is made by; its subject key identifier ends in
/// 5e2b3e25.
let ed25519 = """
    MIIBPDCB76ADAgECAhQMfgQwyhFBFcEwbhZT5554TTa52TAFBgMrZXAwEzERMA8GA1UEAwwIdW51c2FibGUwIBcNMjYxMTIyMTkwNzU3WhgPMjEyNjEwMjkx
    OTA3NTdaMBMxETAPBgNVBAMMCHVudXNhYmxlMCowBQYDK2VwAyEAsOCWcURtBRNZtXhS0Za8mXEUy+uDnZ0vwWprryTapVWjUzBRMB0GA1UdDgQWBBTmb6kd
    NBSQo9lfsTfEmAwuXis+JTAfBgNVHSMEGDAWgBTmb6kdNBSQo9lfsTfEmAwuXis+JTAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBAMdtMxkaDf3qRen0nh5F
    oHwJttqsUJPsOln38cjrtDYLC+Tt0zN6hnNGadIN0V0s6ydn1oMrk1+S9fnhCGP9eAI=
    """
