import AssayCrypto
import Bytes
import IMA
import TestSupport
import Testing

@testable import Appraisal

@Suite("Version 3 signatures of files")
struct SignatureVersionTests {
    private let rsa: SigningKey
    private let ec: SigningKey

    init() throws {
        rsa = try SigningKey(rsaBits: 2048)
        ec = try SigningKey(curve: "secp384r1")
    }

    private func outcome(
        _ signature: [UInt8], _ digest: [UInt8], prefix: String = "sha256:", certificate: [UInt8]? = nil
    ) throws -> AppraisalOutcome {
        let keys = [certificate ?? rsa.subjectPublicKeyInfo, ec.subjectPublicKeyInfo]
        var log = LogBuilder()
        log.bootAggregate()
        for key in keys { log.buffer(".ima", key) }
        log.signed("/a", digest, signature, prefix: prefix)
        let listing = keys.map { #""\#(PCRBank.sha256.digest(of: $0))""# }.joined(separator: ", ")
        let policy = try Policy(json: source(digests: listed(), keyrings: #"".ima": [\#(listing)]"#))
        return appraise(log.bytes, policy: policy, quote: log.quote())
    }

    @Test(
        "pass a file as those of version 2 do, by RSA and ECDSA", arguments: [2, 3] as [UInt8],
        [HashAlgorithm.sha1, .sha256, .sha384, .sha512])
    func good(version: UInt8, hash: HashAlgorithm) throws {
        let digest = try hash.digest(of: Array("content".utf8)).bytes
        for key in [rsa, ec] {
            let outcome = try outcome(
                key.blob(3, over: digest, hash, version: version), digest, prefix: "\(hash.rawValue):")
            #expect(outcome.tier == .affirming, "\(outcome.findings.kept)")
            #expect(outcome.signatures.verified == 1)
        }
    }

    @Test("are none of version 2, and none of another kind, under whatever header")
    func headers() throws {
        let digest = LogBuilder.digest("content")
        for key in [rsa, ec] {
            for (kind, version) in [(3, 2), (3, 3), (5, 3), (6, 3)] as [(UInt8, UInt8)] {
                var signature = try key.blob(kind, over: digest, version: version)
                signature[0] = 3
                signature[1] = kind == 3 ? 5 - version : 3
                let outcome = try outcome(signature, digest)
                #expect(outcome.reasons == ["not_in_policy", "bad_signature"], "\(kind), version \(version)")
            }
        }
        // One of a file's metadata says nothing of its content.
        #expect(try outcome(rsa.blob(5, over: digest, version: 3), digest).reasons == ["not_in_policy", "not_signed"])
    }

    @Test("name the hash of the record's digest, which is part of what they sign")
    func hash() throws {
        let digest = LogBuilder.digest("content")
        var signature = try rsa.blob(3, over: digest, version: 3)
        signature[2] = 17  // SM3, as long as SHA-256
        #expect(try outcome(signature, digest).reasons == ["not_in_policy", "bad_signature"])
        #expect(try outcome(signature, digest, prefix: "sm3:").reasons == ["not_in_policy", "bad_signature"])
    }

    @Test("are verified with the key of a certificate of 12 KiB, on a keyring or among the policy's keys")
    func largeCertificate() throws {
        let certificate = try rsa.certificate(bytes: 12 << 10)
        #expect(certificate.count >= 12 << 10)
        let digest = LogBuilder.digest("content")
        let signature = try rsa.blob(3, over: digest, version: 3, id: Certificate(der: certificate).keyID)
        let learned = try outcome(signature, digest, certificate: certificate)
        #expect(learned.tier == .affirming && learned.learned.first?.key.der == certificate)
        let text = String(decoding: Base64.encode(certificate), as: UTF8.self)
        let policy = try Policy(compiled: Policy(json: source(digests: listed(), keys: text)).compiled)
        var log = LogBuilder()
        log.bootAggregate()
        log.signed("/a", digest, signature)
        #expect(appraise(log.bytes, policy: policy, quote: log.quote()).tier == .affirming)
    }
}
