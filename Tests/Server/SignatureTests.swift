import Appraisal
import AssayCrypto
import Bytes
import IMA
import TestSupport
import Testing

@testable import Server

@Suite("Signatures in a session")
struct SignatureTests {
    private let certificate: [UInt8]
    private let digest: [UInt8]
    private let signature: [UInt8]

    /// A key, and a file that it signed, out of the committed cases.
    init() throws {
        let log = try Fixtures.bytes("appraisal/ima-log/kr-learn/log.bin")
        var reader = RecordReader(log.span, format: LogFormat())
        var found: (certificate: [UInt8], digest: [UInt8], signature: [UInt8]) = ([], [], [])
        while let record = try reader.next() {
            let fields = RecordFields(record, in: log.span)
            if fields.kind == .buffer { found.certificate = Array(log[fields.buffer]) }
            guard fields.kind == .file, !fields.signature.isEmpty else { continue }
            (found.digest, found.signature) = (Array(log[fields.digest.range]), Array(log[fields.signature]))
        }
        (certificate, digest, signature) = found
    }

    private func bench(bad: Bool) throws -> Bench {
        let bench = try Bench(measured: "a")
        let key = PCRBank.sha256.digest(of: certificate)
        let boot = LogBuilder.digest("boot").hexadecimal
        bench.policy = try Policy(
            json: Array(
                """
                {"meta": {"version": 1, "generator": 0}, "release": 0,
                 "digests": {"boot_aggregate": ["\(boot)"], "/a": ["\(LogBuilder.digest("a").hexadecimal)"]},
                 "excludes": [], "keyrings": {".ima": ["\(key)"]},
                 "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1"}, "ima-buf": {}, "verification-keys": ""}
                """.utf8))
        bench.host.log.buffer(".ima", certificate)
        for index in 0..<40 {
            bench.host.log.signed("/s\(index)", bad && index == 20 ? LogBuilder.digest("x") : digest, signature)
        }
        return bench
    }

    @Test("The session asks for them batch by batch, and goes on when they are verified")
    func asked() throws {
        let bench = try bench(bad: false)
        #expect(
            try bench.attest(records: 30) == [
                "send Challenge 1 from 0", "commit affirming, next 43", "send AttestationResult 1 affirming next 43",
            ])
        #expect(bench.batches == [27, 13])
    }

    @Test("A bad one among them fails the verdict, at its record")
    func bad() throws {
        let bench = try bench(bad: true)
        let trace = try bench.attest(records: 30)
        #expect(trace.contains { $0.hasPrefix("commit contraindicated, next 43") }, "\(trace)")
        #expect(bench.outcome?.findings.kept.map(\.record) == [23, 23])
    }

    @Test("The task pool verifies what one thread would", arguments: [1, 2, 3, 8])
    func taskPool(workers: Int) async throws {
        let bench = try bench(bad: true)
        var appraiser = Appraiser(policy: bench.policy, quote: nil)
        _ = appraiser.advance(bench.host.log.bytes.span)
        let pending = appraiser.pendingSignatures
        let batch = try #require(pending)
        let results = await batch.verifiedOnTaskPool(workers: workers)
        #expect(results == batch.verified() && results != SignatureResults(count: batch.count))
    }
}
