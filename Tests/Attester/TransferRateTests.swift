import Testing

@testable import Attester

@Suite("A transfer's rate") struct TransferRateTests {
    private func progress(_ sent: UInt64, of total: UInt64) -> AttesterSession.Progress {
        AttesterSession.Progress(
            firstRecord: 0, recordsSent: sent / 100, bytesSent: sent, recordsTotal: total / 100, bytesTotal: total,
            shardRecords: 1, shardBytes: 100, moreDataPending: sent < total)
    }

    @Test("tells what is sent in a second, and how long the rest takes at that")
    func rate() {
        let rate = TransferRate(progress(3000, of: 10_000), after: .seconds(2))
        #expect(rate.bytesPerSecond == 1500 && rate.recordsPerSecond == 15)
        #expect(rate.secondsLeft.map { abs($0 - 7000 / 1500) < 1e-9 } == true)
        #expect(TransferRate(progress(10_000, of: 10_000), after: .seconds(2)).secondsLeft == 0)
    }

    @Test("promises nothing before there is one, and nothing of a log that grew past what was announced")
    func edges() {
        #expect(TransferRate(progress(3000, of: 10_000), after: .zero).secondsLeft == nil)
        #expect(TransferRate(progress(0, of: 10_000), after: .seconds(1)).secondsLeft == nil)
        #expect(TransferRate(progress(20_000, of: 10_000), after: .seconds(1)).secondsLeft == 0)
    }
}
