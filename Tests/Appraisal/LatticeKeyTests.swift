import AssayCrypto
import Bytes
import TestSupport
import Testing

@testable import Appraisal

@Suite("ML-DSA keys")
struct LatticeKeyTests {
    /// Whether the installed libcrypto has ML-DSA: OpenSSL 3.5 does.
    private static let isAvailable = {
        let certificate = try? Certificate(der: Fixtures.bytes("generated/ml-dsa/certificate.der"))
        return (try? certificate?.publicKey())?.isUsable == true
    }()

    private func outcome(_ signature: [UInt8], digest: [UInt8] = LogBuilder.digest("content")) throws
        -> AppraisalOutcome
    {
        let certificate = try Fixtures.bytes("generated/ml-dsa/certificate.der")
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", certificate)
        log.signed("/a", digest, signature)
        let key = PCRBank.sha256.digest(of: certificate)
        let policy = try Policy(json: source(digests: listed(), keyrings: #"".ima": ["\#(key)"]"#))
        return appraise(log.bytes, policy: policy, quote: log.quote())
    }

    @Test("verify version 3 signatures where libcrypto has them; elsewhere a signature by one is unsupported_key")
    func signature() throws {
        let signature = try Fixtures.bytes("generated/ml-dsa/signature.bin")
        let good = try outcome(signature)
        var asVersion2 = signature
        asVersion2[1] = 2
        var changed = signature
        changed[100] ^= 1
        let wrong = [
            try outcome(asVersion2), try outcome(changed), try outcome(signature, digest: LogBuilder.digest("other")),
        ]
        if Self.isAvailable {
            #expect(good.tier == .affirming && good.signatures.verified == 1 && good.learned.count == 1)
            for outcome in wrong { #expect(outcome.reasons == ["not_in_policy", "bad_signature"]) }
        } else {
            for outcome in wrong + [good] {
                #expect(outcome.reasons == ["not_in_policy", "unsupported_key"])
                #expect(outcome.learned.isEmpty && outcome.signatures.refused == 1)
            }
        }
    }

    @Test(
        "among the policy's or the operator's keys are the same; where they can't be used the policy loads, and says so"
    )
    func given() throws {
        let certificate = try Fixtures.bytes("generated/ml-dsa/certificate.der")
        var log = LogBuilder()
        log.bootAggregate()
        log.signed("/a", LogBuilder.digest("content"), try Fixtures.bytes("generated/ml-dsa/signature.bin"))
        let text = String(decoding: Base64.encode(certificate), as: UTF8.self)
        let policy = try Policy(json: source(digests: listed(), keys: text))
        #expect(policy.warnings.isEmpty == Self.isAvailable)
        let byPolicy = appraise(log.bytes, policy: policy, quote: log.quote())
        var options = AppraisalOptions()
        options.keys = [try VerificationKey(encoded: certificate)]
        let listing = try Policy(json: source(digests: listed()))
        let byOperator = appraise(log.bytes, policy: listing, options: options, quote: log.quote())
        for outcome in [byPolicy, byOperator] {
            #expect(outcome.reasons == (Self.isAvailable ? [] : ["not_in_policy", "unsupported_key"]))
        }
    }

    @Test("of which libcrypto knows the name are of their own kind")
    func kind() throws {
        let certificate = try Certificate(der: Fixtures.bytes("generated/ml-dsa/certificate.der"))
        guard Self.isAvailable else {
            let error = #expect(throws: CryptoError.self) { try certificate.publicKey() }
            #expect(error?.code == .unsupported)
            return
        }
        let key = try certificate.publicKey()
        #expect(key.kind == .moduleLattice("ML-DSA-44") && key.defaultScheme == nil)
        #expect(!key.verify([1], ofDigest: LogBuilder.digest("x"), hash: .sha256, scheme: .ecdsa))
    }
}
