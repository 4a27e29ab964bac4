import Messages
import Testing

@testable import Server

@Suite("A renewal on an agent's connection") struct RenewalTests {
    private let request = AgentMessage.renewRequest(RenewRequest(certificateRequest: [1]))

    @Test("is answered at any time after Hello, and the round goes on")
    func anyTime() throws {
        let bench = try Bench(measured: "a")
        bench.connect()
        _ = bench.begin()
        #expect(try bench.hello() == ["load"])
        #expect(bench.receive(request) == ["renew"])
        #expect(try bench.load().last == "send Challenge 1 from 0")
        // The demand for Evidence, which the request has met, is made again.
        #expect(bench.receive(request) == ["close INVALID_ARGUMENT"], "not twice a round")
    }

    @Test("renews the demand that it met")
    func demand() throws {
        let bench = try Bench(measured: "a")
        bench.connect()
        _ = bench.begin()
        _ = try bench.hello()
        _ = try bench.load()
        #expect(bench.receive(request) == ["renew", "expect Evidence in 60 s"])
    }

    @Test("is refused before Hello")
    func early() throws {
        let bench = try Bench(measured: "a")
        bench.connect()
        _ = bench.begin()
        #expect(bench.receive(request) == ["close INVALID_ARGUMENT"])
    }

    @Test("is possible again in the next round")
    func nextRound() throws {
        let bench = try Bench(measured: "a")
        _ = try bench.attest()
        #expect(bench.receive(request) == ["renew"])
        _ = bench.roundDue()
        #expect(bench.receive(request) == ["renew"])
    }
}
