import AssayCrypto
import Bytes
import Foundation
import IMA
import TestSupport
import Testing

@testable import Appraisal

/// A file as a record of the template `evm-sig` shows it.
struct MeasuredFile {
    var digest = LogBuilder.digest("content")
    var attributes: [(name: String, value: [UInt8])] = []
    var owner: UInt32 = 0
    var group: UInt32 = 1000
    var mode: UInt16 = 0o100_755
    var signature: [UInt8] = []

    /// With a security.ima that is the hash of the content.
    init() {
        attributes = [("security.selinux", Array("system_u:object_r:bin_t:s0".utf8) + [0])]
        attributes.append(("security.ima", [4, 4] + digest))
    }

    /// What the kernel of a host hashes for a portable signature.
    func metadata(_ hash: HashAlgorithm = .sha256, word: Int = 8, _ order: ByteOrder = .little) throws -> [UInt8] {
        var writer = ByteWriter()
        for attribute in attributes { writer.raw(attribute.value) }
        writer.raw([UInt8](repeating: 0, count: word + 4))
        writer.integer(owner, order)
        writer.integer(group, order)
        writer.integer(mode, order)
        writer.raw([0, 0])
        return try hash.digest(of: writer.bytes).bytes
    }

    mutating func sign(_ key: SigningKey, version: UInt8 = 2) throws {
        signature = try key.blob(5, over: metadata(), version: version)
    }

    mutating func setIMA(_ value: [UInt8]) { attributes[attributes.count - 1].value = value }

    /// The record's data.
    func data(_ log: LogBuilder, signatureFirst: Bool = true) -> [UInt8] {
        var lengths = ByteWriter()
        for attribute in attributes { lengths.integer(UInt32(attribute.value.count), .little) }
        let names = attributes.map(\.name).joined(separator: "|")
        var numbers = ByteWriter()
        for number in [owner, group] { numbers.raw(log.sized(little(number))) }
        numbers.raw(log.sized(little(mode)))
        return log.digestField(digest) + log.nameField("/a") + log.sized(signature)
            + log.sized(names.isEmpty ? [] : Array(names.utf8) + [0]) + log.sized(lengths.bytes)
            + log.sized(attributes.flatMap(\.value)) + numbers.bytes
    }

    private func little<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(value, .little)
        return writer.bytes
    }
}

@Suite("Portable EVM signatures")
struct MetadataSignatureTests {
    private let evm: SigningKey
    private let ima: SigningKey

    init() throws { try self.init(evm: SigningKey(curve: "prime256v1")) }

    private init(evm: SigningKey) throws {
        self.evm = evm
        ima = try SigningKey(rsaBits: 2048)
    }

    /// Appraises a record behind the keys, which are on `.evm` and `.ima`, listed.
    private func outcome(
        _ file: MeasuredFile, template: String = "evm-sig", evmRing: String = ".evm",
        options: AppraisalOptions = AppraisalOptions(), verificationKeys: String = "", rounds: Int = 1,
        _ change: (inout LogBuilder) -> Void = { _ in }
    ) throws -> AppraisalOutcome {
        var log = LogBuilder()
        log.bootAggregate()
        let keys = [(evmRing, evm.subjectPublicKeyInfo), (".ima", ima.subjectPublicKeyInfo)]
        for (ring, key) in keys { log.buffer(ring, key) }
        change(&log)
        for _ in 0..<rounds { log.add(template, file.data(log)) }
        var document = PolicyDocument()
        document.digests = [.init(name: Array("boot_aggregate".utf8), digests: [LogBuilder.digest("boot")])]
        document.keyrings = keys.map { ring, key in
            .init(name: Array(ring.utf8), digests: [PCRBank.sha256.digest(of: key).bytes])
        }
        document.verificationKeys = Array(verificationKeys.utf8)
        if template.contains("|") { document.assay.templates = [Array(template.utf8)] }
        let policy = try Policy(document: document, contentHash: PCRBank.sha256.digest(of: []))
        return appraise(log.bytes, policy: policy, options: options, quote: log.quote())
    }

    private func signed(version: UInt8 = 2, _ change: (inout MeasuredFile) throws -> Void = { _ in }) throws
        -> MeasuredFile
    {
        var file = MeasuredFile()
        try change(&file)
        try file.sign(evm, version: version)
        return file
    }

    @Test("pass a file whose security.ima is its digest, under either version", arguments: [2, 3] as [UInt8])
    func good(version: UInt8) throws {
        let outcome = try outcome(signed(version: version))
        #expect(outcome.tier == .affirming, "\(outcome.findings.kept)")
        #expect(outcome.signatures.verified == 1)
    }

    @Test("by RSA, over a signature as security.ima, pass in either version", arguments: [2, 3] as [UInt8])
    func byRSA(version: UInt8) throws {
        let tests = try MetadataSignatureTests(evm: SigningKey(rsaBits: 2048))
        let digest = LogBuilder.digest("content")
        let covering = try tests.signed(version: version) {
            $0.setIMA(try tests.ima.blob(3, over: digest, version: version))
        }
        let outcome = try tests.outcome(covering)
        #expect(outcome.tier == .affirming && outcome.signatures.verified == 2, "\(outcome.findings.kept)")
        var relabelled = try tests.signed(version: version)
        relabelled.signature[1] = 5 - version
        #expect(try tests.outcome(relabelled).reasons == ["not_in_policy", "bad_signature"])
        // A signature of a file with this digest is none of its metadata.
        var ofFile = MeasuredFile()
        ofFile.signature = [5] + (try tests.evm.blob(3, over: ofFile.metadata(), version: 3)).dropFirst()
        #expect(try tests.outcome(ofFile).reasons == ["not_in_policy", "bad_signature"])
    }

    @Test("of a host of 32 bits or of the other byte order pass too", arguments: [4, 8], [ByteOrder.little, .big])
    func forms(word: Int, order: ByteOrder) throws {
        var file = MeasuredFile()
        file.signature = try evm.blob(5, over: file.metadata(word: word, order))
        #expect(try outcome(file).tier == .affirming)
    }

    @Test("by another hash than the file's pass: the metadata have their own")
    func otherHash() throws {
        var file = MeasuredFile()
        file.signature = try evm.blob(5, over: file.metadata(.sha512), .sha512)
        #expect(try outcome(file).tier == .affirming)
    }

    @Test("don't survive a change of owner, group, mode or an attribute", arguments: 0..<5)
    func changed(part: Int) throws {
        var file = try signed()
        switch part {
        case 0: file.owner += 1
        case 1: file.group -= 1
        case 2: file.mode |= 0o4000
        case 3: file.attributes[0].value[0] ^= 1
        default: file.attributes.append(("security.capability", [1]))
        }
        let outcome = try outcome(file)
        #expect(outcome.reasons == ["not_in_policy", "bad_signature"], "\(outcome.findings.kept)")
        #expect(outcome.signatures.failed == 1)
    }

    @Test("are checked against .evm and the policy's keys, never against .ima or the operator's keys")
    func scope() throws {
        let file = try signed()
        #expect(try outcome(file, evmRing: "_evm").tier == .affirming)
        #expect(try outcome(file, evmRing: "_ima").reasons == ["not_in_policy", "unknown_key"])
        var options = AppraisalOptions()
        options.keys = [try VerificationKey(encoded: evm.subjectPublicKeyInfo)]
        #expect(try outcome(file, evmRing: "_ima", options: options).reasons == ["not_in_policy", "unknown_key"])
        let text = Data(evm.subjectPublicKeyInfo).base64EncodedString()
        #expect(try outcome(file, evmRing: "other", verificationKeys: text).tier == .affirming)
    }

    @Test(
        "don't vouch for a file whose security.ima is of another digest, is missing, or is no digest and no signature")
    func uncovered() throws {
        let values: [[UInt8]] = [
            [4, 4] + LogBuilder.digest("other"), [4, 6] + LogBuilder.digest("content"), [4, 4], [4], [1], [2, 9], [],
            [1] + LogBuilder.digest("content"), [4, 4] + LogBuilder.digest("content") + [0],
        ]
        for value in values {
            let outcome = try outcome(signed { $0.setIMA(value) })
            #expect(outcome.reasons == ["not_in_policy", "bad_signature"], "\(value.prefix(4))")
        }
        #expect(try outcome(signed { $0.attributes.removeLast() }).reasons == ["not_in_policy", "bad_signature"])
        let twice = try signed { $0.attributes.append($0.attributes[1]) }
        #expect(try outcome(twice).reasons == ["not_in_policy", "bad_signature"])
    }

    @Test("cover a signature as security.ima: by a key that may sign files, over the record's digest")
    func coveredSignature() throws {
        let digest = LogBuilder.digest("content")
        let good = try outcome(signed { $0.setIMA(try ima.blob(3, over: digest)) })
        #expect(good.tier == .affirming && good.signatures.verified == 2)
        let other = try outcome(signed { $0.setIMA(try ima.blob(3, over: LogBuilder.digest("other"))) })
        #expect(other.reasons == ["not_in_policy", "bad_signature"])
        let byEVM = try outcome(signed { $0.setIMA(try evm.blob(3, over: digest)) })
        #expect(byEVM.reasons == ["not_in_policy", "unknown_key"])
        let nested = try outcome(signed { $0.setIMA(try evm.blob(5, over: digest)) })
        #expect(nested.reasons == ["not_in_policy", "bad_signature"])
    }

    @Test("of SHA-1 digests without a name cover such a record")
    func oldDigest() throws {
        var file = MeasuredFile()
        let digest = PCRBank.sha1.digest(of: [1]).bytes
        file.setIMA([1] + digest)
        try file.sign(evm)
        var log = LogBuilder()
        let data = file.data(log).dropFirst(log.digestField(file.digest).count)
        log.bootAggregate()
        log.buffer(".evm", evm.subjectPublicKeyInfo)
        log.add("evm-sig", log.digestField(digest, "sha1:") + data)
        let keyring = PCRBank.sha256.digest(of: evm.subjectPublicKeyInfo)
        let policy = try Policy(json: source(digests: listed(), keyrings: #"".evm": ["\#(keyring)"]"#))
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.tier == .affirming, "\(outcome.findings.kept)")
    }

    @Test("of another type, malformed, or missing, are told apart")
    func malformed() throws {
        var file = try signed()
        let good = file.signature
        for (signature, reason) in [
            ([], "not_signed"), ([5, 2], "bad_signature"),
            (Array(good.dropLast()), "bad_signature"), ([5, 2, 18] + good.dropFirst(3), "bad_signature"),
        ] as [([UInt8], String)] {
            file.signature = signature
            #expect(try outcome(file).reasons == ["not_in_policy", reason], "\(signature.prefix(4))")
        }
        // No kernel shows another there.
        file.signature = [3] + good.dropFirst()
        #expect(try outcome(file).reasons == ["parse_error"])
    }

    @Test("stand in a sig field where a custom format has what they cover; elsewhere they can't be checked")
    func customFormat() throws {
        let format = "d-ng|n-ng|sig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode"
        #expect(try outcome(signed(), template: format).tier == .affirming)
        var log = LogBuilder()
        log.bootAggregate()
        let file = try signed()
        log.signed("/a", file.digest, file.signature)
        let policy = try Policy(json: source(digests: listed()))
        let outcome = appraise(log.bytes, policy: policy, quote: log.quote())
        #expect(outcome.reasons == ["not_in_policy", "not_signed"])
    }

    @Test("by a denied key are key_denied, and one that was seen before is remembered")
    func deniedAndRemembered() throws {
        var options = AppraisalOptions()
        options.verifiedSignatures = VerifiedSignatures()
        let file = try signed()
        let twice = try outcome(file, options: options, rounds: 2)
        #expect(twice.signatures.verified == 1 && twice.signatures.cached == 1)
        options.deniedKeys = [PCRBank.sha256.digest(of: evm.subjectPublicKeyInfo)]
        #expect(try outcome(file, options: options).reasons == ["not_in_policy", "key_denied"])
    }

    @Test("are checked with keys loaded since the last boot_aggregate")
    func kexec() throws {
        let outcome = try outcome(signed()) { $0.bootAggregate() }
        #expect(outcome.reasons == ["not_in_policy", "unknown_key"])
    }
}
