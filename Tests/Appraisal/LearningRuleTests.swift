import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport
import Testing

@testable import Appraisal

@Suite("Rules for learning keys")
struct LearningRuleTests {
    private let signed: Signed

    init() throws { signed = try Signed() }

    /// boot_aggregate, the key on a keyring, a file that it signed.
    private func log(_ keyring: String) -> LogBuilder {
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(keyring, signed.certificate)
        log.signed(signed.path, signed.digest, signed.signature)
        return log
    }

    private func outcome(
        _ log: LogBuilder, _ policy: [UInt8]?, options: AppraisalOptions = AppraisalOptions(),
        state: AppraisalState = AppraisalState()
    ) throws -> AppraisalOutcome {
        appraise(
            log.bytes, policy: try policy.map { try Policy(json: $0) }, options: options, state: state,
            quote: log.quote())
    }

    @Test("Without a policy nothing is learned")
    func noPolicy() throws {
        let outcome = try outcome(log(".ima"), nil)
        #expect(outcome.tier == .none && outcome.keyrings.isEmpty)
    }

    @Test("A learned key carries what the store and an operator need")
    func learnedKey() throws {
        var options = AppraisalOptions()
        options.time = 1234
        let outcome = try outcome(
            log(".ima"), source(digests: listed(), keyrings: signed.listed(on: ".ima")), options: options)
        let learned = try #require(outcome.learned.first)
        #expect(outcome.learned.count == 1 && learned.keyring == Array(".ima".utf8))
        #expect(learned.key.der == signed.certificate && learned.key.record == 1 && learned.key.firstSeen == 1234)
        #expect(learned.key.fingerprint == signed.fingerprint)
        #expect(learned.key.certificateFingerprint.description == signed.certificateDigest)
        let stored = try #require(LearnedKey(der: learned.key.der, record: 1, firstSeen: 1234))
        #expect(stored == learned.key)
    }

    @Test(
        "Scope: .ima and _ima vouch for files; no other keyring does",
        arguments: [
            (".ima", true), ("_ima", true), (".evm", false), ("_evm", false), (".builtin_trusted_keys", false),
            ("lab", false),
        ])
    func scope(keyring: String, vouches: Bool) throws {
        let policy = source(digests: listed(), keyrings: signed.listed(on: keyring))
        let outcome = try outcome(log(keyring), policy)
        #expect(outcome.learned.count == 1)
        #expect(outcome.tier == (vouches ? .affirming : .contraindicated))
        if !vouches { #expect(outcome.reasons == ["not_in_policy", "unknown_key"]) }
    }

    @Test("The policy may widen the scope by name")
    func widened() throws {
        let assay = #""file_keyrings": ["lab"]"#
        for (keyring, tier) in [("lab", Tier.affirming), ("lab2", .contraindicated)] {
            let policy = source(digests: listed(), keyrings: signed.listed(on: keyring), assay: assay)
            #expect(try outcome(log(keyring), policy).tier == tier)
        }
    }

    @Test("The policy's verification keys vouch for files without any keyring")
    func verificationKeys() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.signed(signed.path, signed.digest, signed.signature)
        let pem = try certificatePEM()
        #expect(try outcome(log, source(digests: listed(), keys: pem)).tier == .affirming)
    }

    @Test(
        "A key on a keyring that the policy doesn't mention",
        arguments: [
            (".ima", "", Tier.contraindicated), ("_ima", "", .contraindicated), ("_evm", "", .contraindicated),
            (".machine", "", .contraindicated), ("lab", "", .warning),
            ("lab", #""unlisted_keyrings": "fail""#, .contraindicated),
            ("lab", #""unlisted_keyrings": "ignore""#, .affirming), (".ima", #""unlisted_keyrings": "warn""#, .warning),
            (".ima", #""unlisted_keyrings": "ignore""#, .affirming),
        ])
    func unlistedKeyring(keyring: String, rules: String, tier: Tier) throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(keyring, signed.certificate)
        let outcome = try outcome(log, source(digests: listed(), assay: rules))
        #expect(outcome.tier == tier)
        #expect(outcome.learned.isEmpty)
        #expect(outcome.findings.count(.notInPolicy) == (tier == .affirming ? 0 : 1))
    }

    @Test("A key that its keyring doesn't list fails, whoever made the keyring", arguments: [".ima", "lab"])
    func unlistedKey(keyring: String) throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(keyring, signed.certificate)
        let policy = source(
            digests: listed(), keyrings: #""\#(keyring)": []"#, assay: #""unlisted_keyrings": "ignore""#)
        #expect(try outcome(log, policy).reasons == ["digest_mismatch"])
    }

    @Test("A key in a record behind the match isn't learned in this round, but in the one that covers it")
    func behindTheMatch() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let quote = log.quote()
        let first = log.bytes
        log.buffer(".ima", signed.certificate)
        let policy = try Policy(json: source(digests: listed(), keyrings: signed.listed(on: ".ima")))
        let outcome = appraise(log.bytes, policy: policy, quote: quote)
        #expect(outcome.tier == .affirming && outcome.excess == 1)
        #expect(outcome.learned.isEmpty && outcome.keyrings.isEmpty && outcome.newState?.keyrings.isEmpty == true)
        let rest = Array(log.bytes.dropFirst(first.count))
        let next = appraise(rest, policy: policy, state: try #require(outcome.newState), quote: log.quote())
        #expect(next.learned.count == 1 && next.learned.first?.key.record == 1)
    }

    @Test("A keyring that is called like something of ours is a keyring like any other")
    func names() throws {
        for name in ["verification-keys", "policy", "", "*", "tenant_keyring"] {
            let outcome = try outcome(
                log(name), source(digests: listed(), keyrings: #""\#(name)": ["\#(signed.certificateDigest)"]"#))
            #expect(outcome.reasons == ["not_in_policy", "unknown_key"], "\(name)")
        }
    }

    @Test("A key verifies nothing before the record that brings it")
    func order() throws {
        var log = LogBuilder()
        log.bootAggregate()
        log.signed(signed.path, signed.digest, signed.signature)
        log.buffer(".ima", signed.certificate)
        let policy = source(digests: listed(), keyrings: signed.listed(on: ".ima"))
        #expect(try outcome(log, policy).reasons == ["not_in_policy", "unknown_key"])
    }

    @Test("A repeated key record is normal")
    func repeated() throws {
        var log = log(".ima")
        log.buffer(".ima", signed.certificate)
        let outcome = try outcome(log, source(digests: listed(), keyrings: signed.listed(on: ".ima")))
        #expect(outcome.tier == .affirming && outcome.learned.count == 1)
        #expect(outcome.keyrings.keyrings[Array(".ima".utf8)]?.count == 1)
    }

    @Test("A boot_aggregate later in the log ends the validity of the keys before it")
    func kexec() throws {
        let policy = source(digests: listed(), keyrings: signed.listed(on: ".ima"))
        var log = log(".ima")
        log.bootAggregate()
        let before = log
        log.signed(signed.path, signed.digest, signed.signature)
        #expect(try outcome(log, policy).reasons == ["not_in_policy", "unknown_key"])
        #expect(try outcome(before, policy).keyrings.isEmpty)
        log = before
        log.buffer(".ima", signed.certificate)
        log.signed(signed.path, signed.digest, signed.signature)
        #expect(try outcome(log, policy).tier == .affirming)
    }

    @Test("A boot_aggregate that nothing vouches for ends nothing")
    func forgedKexec() throws {
        let policy = source(digests: listed(), keyrings: signed.listed(on: ".ima"))
        var log = log(".ima")
        log.bootAggregate(pcr: 11)
        log.signed(signed.path, signed.digest, signed.signature)
        let outcome = try outcome(log, policy)
        #expect(outcome.reasons == ["wrong_pcr"] && outcome.signatures.verified == 2)
    }

    @Test("Record 0 discards what the epoch before had taught, and what it had found")
    func newEpoch() throws {
        let policy = source(digests: listed(), keyrings: signed.listed(on: ".ima"))
        var state = try #require(try outcome(log(".ima"), policy).newState)
        state.findings.add(Finding(.notInPolicy))
        state.nextRecord = 0
        var log = LogBuilder()
        log.bootAggregate()
        let outcome = try outcome(log, policy, state: state)
        #expect(outcome.findings.count(.notInPolicy) == 0 && outcome.keyrings.isEmpty)
    }

    @Test("A denied key verifies nothing, whoever brought it, even where it is remembered")
    func denied() throws {
        var options = AppraisalOptions()
        options.verifiedSignatures = VerifiedSignatures()
        let policy = source(digests: listed(), keyrings: signed.listed(on: ".ima"))
        #expect(try outcome(log(".ima"), policy, options: options).signatures.verified == 1)
        options.deniedKeys = [signed.fingerprint]
        options.keys = [try VerificationKey(encoded: signed.certificate)]
        let denied = try outcome(
            log(".ima"), source(digests: listed(), keyrings: signed.listed(on: ".ima"), keys: try certificatePEM()),
            options: options)
        #expect(denied.reasons == ["not_in_policy", "key_denied"])
        #expect(denied.signatures.verified + denied.signatures.cached == 0)
        #expect(denied.learned.count == 1)
    }

    @Test("What verified once is remembered, across appraisals; another digest, key or header isn't")
    func remembered() throws {
        var options = AppraisalOptions()
        let memory = VerifiedSignatures()
        options.verifiedSignatures = memory
        let policy = source(digests: listed(), keyrings: signed.listed(on: ".ima"))
        #expect(try outcome(log(".ima"), policy, options: options).signatures.verified == 1)
        let second = try outcome(log(".ima"), policy, options: options)
        #expect(second.signatures.verified == 0 && second.signatures.cached == 1 && second.tier == .affirming)
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", signed.certificate)
        log.signed(signed.path, LogBuilder.digest("x"), signed.signature)
        #expect(try outcome(log, policy, options: options).signatures.failed == 1)
        #expect(try outcome(log, policy, options: options).signatures.failed == 1)
    }

    @Test("The memory is bounded, and keeps what is used")
    func boundedMemory() throws {
        let memory = VerifiedSignatures(byteLimit: 256 * VerifiedSignatures.bytesPerEntry)
        func fingerprint(_ number: Int) -> VerifiedSignatures.Fingerprint {
            let digest = PCRBank.sha256.digest(of: Array("\(number)".utf8))
            return .init(key: digest, digest: digest, blob: [1].span)
        }
        for number in 0..<1000 {
            memory.insert(fingerprint(number))
            #expect(memory.contains(fingerprint(0)))
        }
        #expect((0..<1000).filter { memory.contains(fingerprint($0)) }.count <= 256)
        #expect(!memory.contains(fingerprint(1)))
    }

    @Test("The memory grows with what it holds: nothing is forgotten before it is nearly full")
    func growingMemory() {
        let memory = VerifiedSignatures(byteLimit: 80_000 * VerifiedSignatures.bytesPerEntry)
        func fingerprint(_ number: Int) -> VerifiedSignatures.Fingerprint {
            let digest = PCRBank.sha256.digest(of: Array("\(number)".utf8))
            return .init(key: digest, digest: digest, blob: [1].span)
        }
        for number in 0..<20_000 { memory.insert(fingerprint(number)) }
        let known = (0..<20_000).filter { memory.contains(fingerprint($0)) }.count
        #expect(known > 19_900)
        #expect(!memory.contains(fingerprint(20_000)))
    }

    private func certificatePEM() throws -> String {
        let key = try Certificate(der: signed.certificate).publicKey()
        // A verification key in a policy is named by the id of its certificate or its own; both are the same here.
        #expect(try Certificate(der: signed.certificate).keyID == key.keyID)
        return base64(signed.certificate)
    }

    private func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = (0..<3).reduce(0) { $0 << 8 | (start + $1 < bytes.count ? Int(bytes[start + $1]) : 0) }
            for digit in 0..<4 {
                text.append(digit <= group.count ? alphabet[bits >> (18 - 6 * digit) & 63] : "=")
            }
        }
        return text
    }
}
