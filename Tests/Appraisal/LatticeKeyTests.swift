import AssayCrypto
import Bytes
import Foundation
import IMA
import TestSupport
import Testing

@testable import Appraisal

/// What the openssl program signed by ML-DSA (`make vectors`). It verifies where libcrypto has ML-DSA; elsewhere the same is
/// `unsupported_key`.
private enum Vector {
    static func bytes(_ set: MLDSA, _ name: String) throws -> [UInt8] {
        try Fixtures.bytes("generated/ml-dsa/\(set.rawValue.suffix(2))/\(name)")
    }

    /// The hash of the file that a parameter set's key signed.
    static func hash(_ set: MLDSA) -> HashAlgorithm {
        switch set {
        case .mlDSA44: .sha256
        case .mlDSA65: .sha384
        case .mlDSA87: .sha512
        }
    }

    static func digest(_ set: MLDSA, of content: String = "content") throws -> [UInt8] {
        try hash(set).digest(of: Array(content.utf8)).bytes
    }
}

@Suite("ML-DSA keys")
struct LatticeKeyTests {
    private let isAvailable = !MLDSA.available.isEmpty

    /// Appraises a record behind the certificate of a key, which is listed.
    private func outcome(
        _ set: MLDSA, ring: String = ".ima", options: AppraisalOptions = AppraisalOptions(),
        _ add: (inout LogBuilder) throws -> Void
    ) throws -> AppraisalOutcome {
        let certificate = try Vector.bytes(set, "certificate.der")
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(ring, certificate)
        try add(&log)
        let key = PCRBank.sha256.digest(of: certificate)
        let policy = try Policy(json: source(digests: listed(), keyrings: #""\#(ring)": ["\#(key)"]"#))
        return appraise(log.bytes, policy: policy, options: options, quote: log.quote())
    }

    private func outcome(_ set: MLDSA, _ signature: [UInt8], digest: [UInt8]? = nil) throws -> AppraisalOutcome {
        try outcome(set) { log in
            log.signed(
                "/a", try digest ?? Vector.digest(set), signature, prefix: "\(Vector.hash(set).rawValue):")
        }
    }

    private func found(_ outcome: AppraisalOutcome) -> String {
        outcome.findings.kept.map(\.found).joined(separator: "\n")
    }

    private func expectUnsupported(_ outcome: AppraisalOutcome, _ words: String = MLDSA.requirement) {
        #expect(outcome.reasons == ["not_in_policy", "unsupported_key"], "\(outcome.findings.kept)")
        #expect(outcome.learned.isEmpty && outcome.signatures.refused == 1)
        #expect(found(outcome).contains(words), "\(found(outcome))")
        let remedy = outcome.findings.kept.first { $0.reason == .unsupportedKey }?.remedy
        #expect(remedy?.contains("OpenSSL 3.5") == true)
    }

    @Test("of each parameter set vouch for a file in version 3, over its own hash's digest", arguments: MLDSA.allCases)
    func file(set: MLDSA) throws {
        let signature = try Vector.bytes(set, "file")
        #expect(signature.count == FileSignature.headerBytes + set.signatureBytes)
        let good = try outcome(set, signature)
        guard isAvailable else {
            expectUnsupported(good, "a signature of \(set): \(MLDSA.requirement)")
            return
        }
        #expect(good.tier == .affirming && good.signatures.verified == 1 && good.learned.count == 1)
        var changed = signature
        changed[100] ^= 1
        let other = try Vector.digest(set, of: "other")
        for outcome in [try outcome(set, changed), try outcome(set, signature, digest: other)] {
            #expect(outcome.reasons == ["not_in_policy", "bad_signature"] && outcome.signatures.failed == 1)
        }
    }

    @Test("sign nothing in version 2, and nothing of another kind")
    func otherVersion() throws {
        var signature = try Vector.bytes(.mlDSA44, "file")
        signature[1] = 2
        let second = try outcome(.mlDSA44, signature)
        #expect(second.reasons == ["not_in_policy", isAvailable ? "bad_signature" : "unsupported_key"])
        #expect(!isAvailable || found(second).contains("in version 3 alone"))
        // Of an fs-verity digest, in the place of one of the file's.
        var verity = try Vector.bytes(.mlDSA44, "verity")
        #expect(try outcome(.mlDSA44, verity).reasons == ["not_in_policy", "bad_signature"])
        verity[0] = 3
        let renamed = try outcome(.mlDSA44, verity)
        #expect(renamed.reasons == ["not_in_policy", isAvailable ? "bad_signature" : "unsupported_key"])
    }

    @Test("vouch for an fs-verity digest")
    func verity() throws {
        let outcome = try outcome(.mlDSA44) { log in
            log.signed(
                "/a", try Vector.digest(.mlDSA44), try Vector.bytes(.mlDSA44, "verity"), prefix: "verity:sha256:")
        }
        if isAvailable { #expect(outcome.tier == .affirming) } else { expectUnsupported(outcome) }
    }

    @Test("vouch for a file's metadata")
    func metadata() throws {
        var file = MeasuredFile()
        file.signature = try Vector.bytes(.mlDSA44, "metadata")
        let good = try outcome(.mlDSA44, ring: ".evm") { $0.add("evm-sig", file.data($0)) }
        guard isAvailable else {
            expectUnsupported(good)
            return
        }
        #expect(good.tier == .affirming && good.signatures.verified == 1, "\(good.findings.kept)")
        file.mode |= 0o4000
        let changed = try outcome(.mlDSA44, ring: ".evm") { $0.add("evm-sig", file.data($0)) }
        #expect(changed.reasons == ["not_in_policy", "bad_signature"])
    }

    @Test("among the policy's or the operator's keys are the same; where they can't be used the policy says so")
    func given() throws {
        let certificate = try Vector.bytes(.mlDSA87, "certificate.der")
        var log = LogBuilder()
        log.bootAggregate()
        log.signed(
            "/a", try Vector.digest(.mlDSA87), try Vector.bytes(.mlDSA87, "file"), prefix: "sha512:")
        let text = String(decoding: Base64.encode(certificate), as: UTF8.self)
        let policy = try Policy(json: source(digests: listed(), keys: text))
        #expect(policy.warnings.isEmpty == isAvailable)
        #expect(policy.warnings.allSatisfy { $0.message.contains("ML-DSA-87 (\(MLDSA.requirement))") })
        let byPolicy = appraise(log.bytes, policy: policy, quote: log.quote())
        let compiled = appraise(log.bytes, policy: try Policy(compiled: policy.compiled), quote: log.quote())
        var options = AppraisalOptions()
        options.keys = [try VerificationKey(encoded: certificate)]
        let listing = try Policy(json: source(digests: listed()))
        let byOperator = appraise(log.bytes, policy: listing, options: options, quote: log.quote())
        for outcome in [byPolicy, compiled, byOperator] {
            #expect(outcome.reasons == (isAvailable ? [] : ["not_in_policy", "unsupported_key"]))
        }
    }

    @Test("that couldn't be used when the log named them are asked for again once they can")
    func unusableBefore() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let policy = try Policy(json: source(digests: listed()))
        let before = appraise(log.bytes, policy: policy, quote: log.quote())
        var state = try #require(before.newState)
        let id = try #require(Certificate(der: Vector.bytes(.mlDSA65, "certificate.der")).keyID)
        state.keyrings.noteUnusable(id)
        var rest = log
        rest.signed("/a", try Vector.digest(.mlDSA65), try Vector.bytes(.mlDSA65, "file"), prefix: "sha384:")
        let outcome = appraise(
            Array(rest.bytes.dropFirst(log.bytes.count)), policy: policy, state: state, quote: rest.quote())
        #expect(outcome.reasons == ["not_in_policy", "unsupported_key"])
        let remedy = outcome.findings.kept.last?.remedy ?? ""
        #expect(remedy.contains(isAvailable ? "agents reattest" : "OpenSSL 3.5"))
    }

    @Test("that were learned elsewhere and can't be used here are unsupported_key, not bad signatures")
    func learnedElsewhere() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let policy = try Policy(json: source(digests: listed()))
        var state = try #require(appraise(log.bytes, policy: policy, quote: log.quote()).newState)
        let key = try SigningKey(curve: "prime256v1")
        let signature = try key.blob(3, over: LogBuilder.digest("content"), version: 3)
        let id = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo).keyID
        let digest = PCRBank.sha256.digest(of: [1])
        let learned = LearnedKey(
            keyID: id, certificateFingerprint: digest, fingerprint: digest, subject: nil, record: 0, firstSeen: 0,
            material: KeyMaterial(der: [1], subjectPublicKeyInfo: [1]))
        let isNew = state.keyrings.learn(learned, on: Array(".ima".utf8))
        #expect(isNew)
        var rest = log
        rest.signed("/a", LogBuilder.digest("content"), signature)
        let outcome = appraise(
            Array(rest.bytes.dropFirst(log.bytes.count)), policy: policy, state: state, quote: rest.quote())
        #expect(outcome.reasons == ["not_in_policy", "unsupported_key"])
        #expect(found(outcome).contains("OpenSSL \(Libcrypto.version)"))
    }

    @Test("of which libcrypto knows the name are of their own kind", arguments: MLDSA.allCases)
    func kind(set: MLDSA) throws {
        let certificate = try Certificate(der: Vector.bytes(set, "certificate.der"))
        #expect(MLDSA(subjectPublicKeyInfo: certificate.subjectPublicKeyInfo) == set)
        guard isAvailable else {
            let error = #expect(throws: CryptoError.self) { try certificate.publicKey() }
            #expect(error?.code == .unsupported)
            return
        }
        let key = try certificate.publicKey()
        #expect(key.kind == .moduleLattice(set) && key.defaultScheme == nil && key.keyID == certificate.keyID)
        #expect(!key.verify([1], ofDigest: LogBuilder.digest("x"), hash: .sha256, scheme: .ecdsa))
    }
}

@Suite("Signatures that were cut short")
struct TruncatedSignatureTests {
    /// As evmctl 1.5 writes it when it is given an ML-DSA key: the rest of its buffer, whatever stood there.
    private func left(_ id: KeyID) -> [UInt8] {
        [3, 2, 4] + withUnsafeBytes(of: id.value.bigEndian) { Array($0) } + [0x03, 0xf7]
            + [UInt8](repeating: 0x55, count: 1015)
    }

    private func outcome(_ signature: [UInt8], certificate: [UInt8]) throws -> AppraisalOutcome {
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", certificate)
        log.signed("/a", LogBuilder.digest("content"), signature)
        let key = PCRBank.sha256.digest(of: certificate)
        let policy = try Policy(json: source(digests: listed(), keyrings: #"".ima": ["\#(key)"]"#))
        return appraise(log.bytes, policy: policy, quote: log.quote())
    }

    @Test("by an evmctl without ML-DSA are named, whether the key can be used, is unknown, or is another")
    func evmctl() throws {
        let certificate = try Vector.bytes(.mlDSA65, "certificate.der")
        let id = try #require(Certificate(der: certificate).keyID)
        let rsa = try SigningKey(rsaBits: 2048).subjectPublicKeyInfo
        for (id, certificate) in [
            (id, certificate), (KeyID(1), certificate), (try PublicKey(subjectPublicKeyInfo: rsa).keyID, rsa),
        ] {
            let outcome = try outcome(left(id), certificate: certificate)
            #expect(outcome.reasons == ["not_in_policy", "bad_signature"])
            #expect(outcome.findings.kept.last?.found.contains("as evmctl 1.6.2 and older leave") == true)
            #expect(outcome.signatures.failed == 1 && outcome.signatures.refused == 0)
        }
    }

    @Test("behind their header are named, too")
    func short() throws {
        let certificate = try Vector.bytes(.mlDSA44, "certificate.der")
        let signature = try Vector.bytes(.mlDSA44, "file")
        let cut = try outcome(Array(signature.prefix(1024)), certificate: certificate)
        #expect(cut.reasons == ["not_in_policy", "bad_signature"])
        #expect(cut.findings.kept.last?.found.contains("cut short: 2420 bytes are stated, 1015 are there") == true)
        // A header that was made for what is left.
        var fitted = Array(signature.prefix(FileSignature.headerBytes + 2000))
        fitted.replaceSubrange(7..<9, with: [0x07, 0xd0])  // 2,000
        let outcome = try outcome(fitted, certificate: certificate)
        guard MLDSA.available.isEmpty else {
            #expect(outcome.reasons == ["not_in_policy", "bad_signature"])
            #expect(
                outcome.findings.kept.last?.found.contains("2000 of 2420 bytes of a signature of ML-DSA-44") == true)
            return
        }
        #expect(outcome.reasons == ["not_in_policy", "unsupported_key"])
    }
}

@Suite("Appended signatures by ML-DSA")
struct AppendedLatticeSignatureTests {
    private let isAvailable = !MLDSA.available.isEmpty

    private func outcome(_ signature: [UInt8], content: [UInt8], listsKey: Bool = true) throws -> AppraisalOutcome {
        let certificate = try Vector.bytes(.mlDSA44, "certificate.der")
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(listsKey ? ".ima" : ".platform", certificate)
        log.add(
            "ima-modsig",
            log.digestField(LogBuilder.digest("with its signature")) + log.nameField("/lib/modules/a.ko")
                + log.sized([]) + log.digestField(content, "sha512:") + log.sized(signature))
        let ring = listsKey ? ".ima" : ".platform"
        let key = PCRBank.sha256.digest(of: certificate)
        let policy = try Policy(json: source(digests: listed(), keyrings: #""\#(ring)": ["\#(key)"]"#))
        return appraise(log.bytes, policy: policy, quote: log.quote())
    }

    @Test("are over the attributes that the kernel puts into the record")
    func attributes() throws {
        let signature = try Vector.bytes(.mlDSA44, "appended.p7s")
        let parsed = try DetachedSignature(der: signature.span)
        #expect(parsed.algorithm == .mlDSA(.mlDSA44) && parsed.signature.count == 2420)
        let attributes = parsed.signedAttributes
        let digest = try HashAlgorithm.sha512.digest(of: Array("content".utf8)).bytes
        #expect(attributes.first == 0x31 && attributes.suffix(64).elementsEqual(digest))
        let good = try outcome(signature, content: attributes)
        guard isAvailable else {
            #expect(good.reasons == ["not_in_policy", "unsupported_key"])
            #expect(good.findings.kept.last?.found == "appended signature by ML-DSA-44: \(MLDSA.requirement)")
            return
        }
        #expect(good.tier == .affirming && good.signatures.verified == 1, "\(good.findings.kept)")
        #expect(
            try outcome(signature, content: attributes, listsKey: false).reasons == ["not_in_policy", "unknown_key"])
        var others = attributes
        others[others.count - 1] ^= 1
        #expect(try outcome(signature, content: others).reasons == ["not_in_policy", "bad_signature"])
        var forged = signature
        let place = try #require(
            signature.indices.first { signature[$0...].starts(with: attributes.dropFirst()) })
        forged[place + attributes.count - 2] ^= 1
        #expect(try outcome(forged, content: others).reasons == ["not_in_policy", "bad_signature"])
    }

    @Test("over the file's content itself can't be verified from a log, which is said")
    func content() throws {
        let digest = try HashAlgorithm.sha512.digest(of: Array("content".utf8)).bytes
        let outcome = try outcome(Vector.bytes(.mlDSA44, "appended.p7s"), content: digest)
        #expect(outcome.reasons == ["not_in_policy", "unsupported_key"])
        if isAvailable { #expect(outcome.findings.kept.last?.found.contains("content of the file") == true) }
    }

    @Test("have no way around a digest for other algorithms")
    func digestsOnly() throws {
        let signature = try Vector.bytes(.mlDSA44, "appended.p7s")
        let attributes = try DetachedSignature(der: signature.span).signedAttributes
        for content in [Array(attributes.prefix(64)), [0x30] + attributes.dropFirst(), Array(attributes.dropFirst())] {
            let outcome = try outcome(signature, content: content)
            let isDigest = content.count == 64
            #expect(outcome.reasons == (isDigest ? ["not_in_policy", "unsupported_key"] : ["parse_error"]))
        }
    }
}
