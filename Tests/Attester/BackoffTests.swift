import Messages
import Testing

@testable import Attester

@Suite("An agent waits before it dials again") struct BackoffTests {
    private let busy = Status(.unavailable, "", retryAfterSeconds: 300)

    @Test("twice as long each time, up to a minute, and spread") func doubling() {
        var backoff = Backoff()
        let waits = (0..<8).map { _ in backoff.wait(gaveVerdict: false, refusal: nil, chance: 0.5) }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(backoff.wait(gaveVerdict: false, refusal: nil, chance: 0) == .seconds(30))
        #expect(backoff.wait(gaveVerdict: false, refusal: nil, chance: 1) == .seconds(90))
    }

    @Test("briefly after a verdict") func verdict() {
        var backoff = Backoff()
        for _ in 0..<5 { _ = backoff.wait(gaveVerdict: false, refusal: nil, chance: 0.5) }
        #expect(backoff.wait(gaveVerdict: true, refusal: nil, chance: 0.5) == .seconds(1))
    }

    @Test("briefly after a connection that brought verdicts and broke, unless a newer one took over") func taking() {
        var backoff = Backoff()
        let stops = Status(.unavailable, "")
        let newer = Status(.aborted, "")
        #expect(backoff.wait(gaveVerdict: false, refusal: nil, chance: 0.5) == .seconds(1))
        #expect(backoff.wait(gaveVerdict: true, refusal: newer, chance: 0.5) == .seconds(2))
        #expect(backoff.wait(gaveVerdict: true, refusal: newer, chance: 0.5) == .seconds(4))
        #expect(backoff.wait(gaveVerdict: true, refusal: stops, chance: 0.5) == .seconds(1))
    }

    @Test("never less than the verifier asks for, but an hour at most") func askedFor() {
        var backoff = Backoff()
        #expect(backoff.wait(gaveVerdict: true, refusal: busy, chance: 0) == .seconds(300))
        #expect(backoff.wait(gaveVerdict: true, refusal: busy, chance: 1) == .seconds(450))
        let long = Status(.resourceExhausted, "", retryAfterSeconds: .max)
        #expect(backoff.wait(gaveVerdict: false, refusal: long, chance: 0) == .seconds(3600))
    }

    @Test("a minute at once where somebody must change something first") func operators() {
        var backoff = Backoff()
        let revoked = Status(.permissionDenied, "")
        #expect(backoff.wait(gaveVerdict: false, refusal: revoked, chance: 0.5) == .seconds(60))
    }
}
