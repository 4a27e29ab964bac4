import Appraisal
import Messages
import Testing

@testable import Server

@Suite("A certificate that ends under an open connection") struct ExpiryTests {
    private let closed = ["close UNAUTHENTICATED"]

    /// A bench whose agent's certificate ends at 1,000.
    private func bench() throws -> Bench {
        let bench = try Bench(measured: "a", "b")
        bench.certificateEnd = 1_000
        bench.connect()
        return bench
    }

    @Test("ends the session at the next message or round, and nothing is committed", arguments: 0..<5)
    func ends(step: Int) throws {
        let bench = try bench()
        let steps: [() throws -> [String]] = [
            { try bench.hello() }, { try bench.load() }, { try bench.evidence() }, { try bench.shard(0..<2) },
            { try bench.shard(2..<3) },
        ]
        for step in steps.prefix(step) { #expect(try step() != closed) }
        bench.time = 1_001
        #expect(try steps[step]() == closed)
        #expect(bench.outcome == nil && bench.attestation == nil)
        let status = try #require(bench.status)
        #expect(status.message.contains("has expired") && status.message.contains("assay-verifier invite --id host-1"))
        // And is dead afterwards.
        #expect(try bench.hello().isEmpty)
    }

    @Test("is noticed when the next round begins")
    func nextRound() throws {
        let bench = try bench()
        #expect(try bench.attest().last == "send AttestationResult 1 affirming next 3")
        bench.time = 1_001
        #expect(bench.roundDue() == ["load"])
        #expect(try bench.load() == closed)
    }

    @Test("is noticed while signatures are verified, which may take its time")
    func signatures() throws {
        let bench = try bench()
        _ = try bench.hello()
        _ = try bench.load()
        _ = try bench.evidence()
        bench.time = 1_001
        #expect(bench.verified(SignatureResults(count: 0)) == closed)
    }

    @Test("counts to its last second")
    func lastSecond() throws {
        let bench = try bench()
        bench.time = 1_000
        #expect(try bench.attest().last == "send AttestationResult 1 affirming next 3")
    }
}
