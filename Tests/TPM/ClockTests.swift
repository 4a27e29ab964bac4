import AssayCrypto
import Bytes
import TPM
import Testing

@Suite("Boot epochs") struct ClockTests {
    private let previous = ClockInfo(clock: 5_000, resetCount: 5, restartCount: 2, isSafe: true)

    private func relation(_ change: (inout ClockInfo) -> Void) throws(QuoteError) -> ClockRelation {
        var now = previous
        change(&now)
        return try ClockRelation.relation(previous: previous, now: now)
    }

    @Test("go on while resetCount stays and the clock doesn't go back")
    func same() throws {
        #expect(try relation { _ in } == .sameEpoch(restarted: false))
        #expect(try relation { $0.clock = .max } == .sameEpoch(restarted: false))
        #expect(try relation { $0.isSafe = false } == .sameEpoch(restarted: false))
        let error = #expect(throws: QuoteError.self) { try relation { $0.clock = 4_999 } }
        #expect(error?.reason == "clock_went_back")
    }

    @Test("survive a suspend; restartCount decides nothing")
    func restarted() throws {
        #expect(try relation { $0.restartCount = 3 } == .sameEpoch(restarted: true))
        #expect(try relation { $0.restartCount = 1 } == .sameEpoch(restarted: true))
    }

    @Test("begin when resetCount rises, whatever the clock")
    func new() throws {
        #expect(try relation { $0 = ClockInfo(clock: 10, resetCount: 6, restartCount: 0, isSafe: false) } == .newEpoch)
        #expect(try relation { $0.resetCount = .max } == .newEpoch)
    }

    @Test("never come back")
    func back() {
        for restartCount: UInt32 in [0, 2, 9] {
            let now = ClockInfo(clock: 9_000, resetCount: 4, restartCount: restartCount, isSafe: true)
            let error = #expect(throws: QuoteError.self) {
                try ClockRelation.relation(previous: previous, now: now)
            }
            #expect(error?.reason == "reset_went_back")
        }
    }
}

@Suite("Qualifying data") struct QuoteBindingTests {
    private let nonce = (0..<32).map { UInt8($0) }
    private let name = [0, 0x0b] + [UInt8](repeating: 0x11, count: 32)
    private let exporter = [UInt8](repeating: 0x22, count: 32)

    @Test("is SHA-256 over length-prefixed parts")
    func known() {
        let data = QuoteBinding.qualifyingData(
            nonce: nonce, agentID: Array("agent-7".utf8), attestationKeyName: name, exporter: exporter)
        #expect(data.hexadecimal == "89028c62b3456f82b2e4b868d32a25c042cc3f9c714fca90a9db622a4548d45d")
    }

    @Test("differs wherever one part does, also when bytes move between parts")
    func parts() {
        func data(_ nonce: [UInt8], _ agent: [UInt8], _ name: [UInt8], _ exporter: [UInt8]) -> [UInt8] {
            QuoteBinding.qualifyingData(
                nonce: nonce, agentID: agent, attestationKeyName: name, exporter: exporter)
        }
        let all = [
            data(nonce, [1], name, exporter), data(exporter, [1], name, exporter), data(nonce, [2], name, exporter),
            data(nonce, [1], exporter, exporter), data(nonce, [1], name, nonce),
            data(nonce, [1] + name.prefix(1), Array(name.dropFirst()), exporter), data(nonce + [1], [], name, exporter),
        ]
        #expect(Set(all).count == all.count)
    }
}

@Suite("Reasons") struct QuoteErrorTests {
    @Test("have a word of the closed list and a remedy", arguments: QuoteError.Code.allCases)
    func words(code: QuoteError.Code) {
        let error = QuoteError(code, "detail")
        #expect(error.description == "\(code.rawValue): detail")
        #expect(!error.remedy.isEmpty)
    }
}
