import AssayCrypto
import Bytes
import Foundation
import IMA
import TestSupport
import Testing

@testable import Appraisal

/// Signers whose certificates and PKCS#7 signatures the openssl command makes, in a folder that goes with its owner.
private final class Signers {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "modsig-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("[req]\ndistinguished_name = dn\n[dn]\n".utf8).write(to: folder.appending(path: "openssl.cnf"))
        try Data("a module".utf8).write(to: folder.appending(path: "content"))
        try SigningKey(rsaBits: 2048).write(to: folder.appending(path: "rsa.key"))
        try SigningKey(curve: "secp384r1").write(to: folder.appending(path: "ec.key"))
        for name in ["rsa", "ec"] {
            try runOpenSSL([
                "req", "-x509", "-config", path("openssl.cnf"), "-key", path("\(name).key"), "-days", "1", "-subj",
                "/O=Kernel/CN=\(name)", "-addext", "subjectKeyIdentifier=hash", "-out", path("\(name).pem"),
            ])
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    func certificate(_ name: String) throws -> [UInt8] {
        let pem = [UInt8](try Data(contentsOf: folder.appending(path: "\(name).pem")))
        return try #require(Certificate.all(inPEM: pem).first).der
    }

    /// A detached signature of "a module", as the kernel's sign-file makes it.
    func sign(_ names: [String], _ options: [String] = ["-noattr", "-nocerts"], md: String = "sha256") throws -> [UInt8]
    {
        let signers = names.flatMap { ["-signer", path("\($0).pem"), "-inkey", path("\($0).key")] }
        try runOpenSSL(
            ["cms", "-sign", "-binary", "-in", path("content"), "-md", md, "-outform", "DER", "-out", path("p7")]
                + signers + options)
        return [UInt8](try Data(contentsOf: folder.appending(path: "p7")))
    }
}

@Suite("Appended signatures")
struct AppendedSignatureTests {
    private let signers: Signers
    private let digest = LogBuilder.digest("a module")

    init() throws { signers = try Signers() }

    private func outcome(
        _ signature: [UInt8], digest: [UInt8]? = nil, prefix: String = "sha256:", ring: String = ".ima",
        options: AppraisalOptions = AppraisalOptions()
    ) throws -> AppraisalOutcome {
        var log = LogBuilder()
        log.bootAggregate()
        let certificates = [try signers.certificate("rsa"), try signers.certificate("ec")]
        for certificate in certificates { log.buffer(ring, certificate) }
        log.add(
            "ima-modsig",
            log.digestField(LogBuilder.digest("with its signature")) + log.nameField("/lib/modules/a.ko")
                + log.sized([])
                + log.digestField(digest ?? self.digest, prefix) + log.sized(signature))
        let listing = certificates.map { #""\#(PCRBank.sha256.digest(of: $0))""# }.joined(separator: ", ")
        let policy = try Policy(json: source(digests: listed(), keyrings: #""\#(ring)": [\#(listing)]"#))
        return appraise(log.bytes, policy: policy, options: options, quote: log.quote())
    }

    @Test(
        "pass a file, the signer named by issuer and serial number or by key identifier", arguments: ["rsa", "ec"],
        [[], ["-keyid"]])
    func good(name: String, options: [String]) throws {
        let outcome = try outcome(signers.sign([name], ["-noattr", "-nocerts"] + options))
        #expect(outcome.tier == .affirming, "\(outcome.findings.kept)")
        #expect(outcome.signatures.verified == 1)
        let withCertificate = try self.outcome(signers.sign([name], ["-noattr"] + options))
        #expect(withCertificate.tier == .affirming, "\(withCertificate.findings.kept)")
    }

    @Test("are over the digest without the signature, by its own hash")
    func digests() throws {
        let sha512 = try HashAlgorithm.sha512.digest(of: Array("a module".utf8)).bytes
        #expect(try outcome(signers.sign(["rsa"], md: "sha512"), digest: sha512, prefix: "sha512:").tier == .affirming)
        let others: [([UInt8], String)] = [
            (LogBuilder.digest("another module"), "sha256:"), (LogBuilder.digest("with its signature"), "sha256:"),
        ]
        for (digest, prefix) in others {
            let outcome = try outcome(signers.sign(["rsa"]), digest: digest, prefix: prefix)
            #expect(outcome.reasons == ["not_in_policy", "bad_signature"] && outcome.signatures.failed == 1)
        }
    }

    @Test("are checked with keys that may sign files, loaded before, and not denied")
    func scope() throws {
        let signature = try signers.sign(["ec"])
        #expect(try outcome(signature, ring: "_ima").tier == .affirming)
        #expect(try outcome(signature, ring: ".evm").reasons == ["not_in_policy", "unknown_key"])
        #expect(
            try outcome(signers.sign(["ec"], ["-noattr", "-keyid"]), ring: ".platform").reasons == [
                "not_in_policy", "unknown_key",
            ])
        var options = AppraisalOptions()
        options.keys = [try VerificationKey(encoded: signers.certificate("ec"))]
        #expect(try outcome(signature, ring: ".evm", options: options).tier == .affirming)
        options.deniedKeys = [try Certificate(der: signers.certificate("ec")).publicKeyFingerprint]
        #expect(try outcome(signature, options: options).reasons == ["not_in_policy", "key_denied"])
        let byID = try signers.sign(["ec"], ["-noattr", "-nocerts", "-keyid"])
        #expect(try outcome(byID, options: options).reasons == ["not_in_policy", "key_denied"])
    }

    @Test("that the kernel doesn't take are bad: signed attributes, several signers, their own content")
    func refused() throws {
        for signature in [
            try signers.sign(["rsa"], ["-nocerts"]), try signers.sign(["rsa", "ec"]),
            try signers.sign(["rsa"], ["-noattr", "-nocerts", "-nodetach"]), [0x30, 0],
        ] {
            let outcome = try outcome(signature)
            #expect(outcome.reasons == ["not_in_policy", "bad_signature"], "\(outcome.findings.kept)")
        }
        // What is no structure at all no kernel shows.
        #expect(try outcome([0]).reasons == ["parse_error"])
    }

    @Test("by an algorithm that no key of ours has are unsupported_key")
    func unsupported() throws {
        // SLH-DSA-SHA2-128s in the place of rsaEncryption, which has as many bytes.
        let rsa: [UInt8] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]
        let other: [UInt8] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x14]
        var signature = try signers.sign(["rsa"])
        let place = try #require(signature.indices.last { signature[$0...].starts(with: rsa) })
        signature.replaceSubrange(place..<place + rsa.count, with: other)
        let outcome = try outcome(signature)
        #expect(outcome.reasons == ["not_in_policy", "unsupported_key"])
        #expect(outcome.findings.kept.contains { $0.found.contains("2.16.840.1.101.3.4.3.20") })
    }

    @Test("cut anywhere, or with any byte changed, trap nothing and never pass")
    func hostile() throws {
        let signature = try signers.sign(["ec"], ["-noattr"])
        let whole = try outcome(signature)
        #expect(whole.tier == .affirming)
        for index in stride(from: 0, to: signature.count, by: 7) {
            #expect(try outcome(Array(signature.prefix(index))).tier != .affirming || index == 0)
        }
        let content = try DetachedSignature(der: signature.span).signature
        let place = try #require(signature.indices.first { signature[$0...].starts(with: content) })
        for index in signature.indices {
            var changed = signature
            changed[index] ^= 0x41
            let outcome = try outcome(changed)
            if (place..<place + content.count).contains(index) { #expect(outcome.tier == .contraindicated) }
        }
    }

    @Test("of a real kernel pass a file that no list has")
    func realKernel() throws {
        let run = KernelRun("own73-staging/boot1")
        let log = try run.log
        let name = Array("/boot/own/bzImage.signed".utf8)
        let policy = try run.policy { $0.digests.removeAll { $0.name == name } }
        let quote = try run.quote(try #require(try run.points.first { $0.point == "p06-last" }))
        let outcome = appraise(log, policy: policy, quote: quote)
        // The same file was measured just before, without its appended signature.
        #expect(outcome.findings.kept.map(\.record) == [162, 162], "\(outcome.findings.kept)")
        let without = try run.policy { document in
            document.digests.removeAll { $0.name == name }
            document.keyrings.removeAll { $0.name == Array(".ima".utf8) }
            document.assay.unlistedKeyrings = .ignore
            document.excludes = ["/lab", "/opt/lab"].map { Array($0.utf8) }
        }
        let failed = appraise(log, policy: without, quote: quote)
        #expect(
            failed.findings.kept.contains { $0.record == 163 && $0.reason == .unknownKey }, "\(failed.findings.kept)")
    }
}
