import Attester
import IMA
import Messages
import NIOCore
import Server
import SlowLink
import StandInKernel
import Store
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    @Suite("A host that measures 1,000 records a second") struct GrowingHostTests {
        @Test("while it sends: each round ends where its quote says, the rest waits for the next, and it catches up")
        func growing() async throws {
            var settings = SessionSettings()
            settings.shardBytes = 16 << 10
            let log = try KernelLogs.large.get()
            try await World.run(settings, measured: log) { world in
                // 600 KB take more than a second: meanwhile there are a thousand records more.
                let link = try await SlowLink(to: world.port, roundTrip: .milliseconds(20), bitsPerSecond: 4e6)
                let growth = try Growth(world.host.kernel, repeating: log, behind: 3000)
                let growing = Task { try await growth.run(perSecond: 1000) }
                let result = await Result.of { try await attest(world, growth, through: link.port) }
                growing.cancel()
                try await growing.value
                let attester = try result.get()
                // The host is quiet again: nothing is left behind.
                let last = try await world.attest(attester)
                #expect(last.result.nextRecord == growth.extended && last.result.excessRecords == 0)
                #expect(try KernelRecords.count(try world.host.log()) == growth.extended)
                await link.close()
            }
        }

        /// Attests again and again while the host grows.
        private func attest(_ world: World, _ growth: Growth, through link: Int) async throws -> Attester {
            let attester = try await world.host.attester()
            var next: UInt64 = 0
            for _ in 0..<4 {
                let seen = Mutex<(challenged: UInt64, quoted: UInt64)>((0, 0))
                let attestation = try await world.attest(attester, through: link) { event in
                    switch event {
                    case .challenged: seen.withLock { $0.challenged = growth.extended }
                    // The quote was made, and the log read, before the first of these.
                    case .progress: seen.withLock { if $0.quoted == 0 { $0.quoted = growth.appended } }
                    default: break
                    }
                }
                let (result, shards) = (attestation.result, attestation.shards)
                #expect(result.tier == .affirming, "\(result.findings)")
                // From where the last round ended, to a target that stayed what it was.
                #expect(attestation.challenges == [next])
                let target = next + (shards.first?.recordsTotal ?? 0)
                #expect(shards.allSatisfy { $0.firstRecord == next && $0.firstRecord + $0.recordsTotal == target })
                #expect(attestation.recordsSent == target - next)
                // The verdict is on the records that the quote covers: the others are excess.
                #expect(result.nextRecord + result.excessRecords == target)
                #expect(result.recordsAppraised == result.nextRecord - next)
                let (challenged, quoted) = seen.withLock { $0 }
                #expect((challenged...quoted).contains(result.nextRecord))
                #expect(target <= quoted)
                // The host went on while it sent.
                #expect(growth.appended > target)
                next = result.nextRecord
            }
            return attester
        }
    }
}

/// A kernel at work: as many records a second as its TPM takes, or as it is told.
private final class Growth: Sendable {
    private let kernel: StandInKernel
    private let records: [[UInt8]]
    private let state: Mutex<(appended: UInt64, extended: UInt64)>

    /// - Parameters:
    ///   - log: what it measures, again and again.
    ///   - first: records that it has measured already.
    init(_ kernel: StandInKernel, repeating log: [UInt8], behind first: UInt64) throws {
        self.kernel = kernel
        var records: [[UInt8]] = []
        var reader = RecordReader(log.span, format: LogFormat())
        while let record = try reader.next() { records.append(Array(log[record.range])) }
        self.records = records
        state = Mutex((first, first))
    }

    /// Records that the log shows.
    var appended: UInt64 { state.withLock(\.appended) }
    /// Records that the TPM has.
    var extended: UInt64 { state.withLock(\.extended) }

    /// Measures until it is cancelled. A record is in the log before it is in the TPM, as a kernel does it
    /// (ima_queue.c, `ima_add_template_entry`).
    func run(perSecond rate: Double) async throws {
        let (begin, first) = (ContinuousClock.now, extended)
        while !Task.isCancelled {
            let due = first + UInt64((ContinuousClock.now - begin) / .seconds(1) * rate)
            let numbers = extended..<min(max(extended, due), extended + 50)
            // Nobody cancels between the two.
            let batch = numbers.flatMap { records[1 + Int($0) % (records.count - 1)] }
            state.withLock { $0.appended = numbers.upperBound }
            try kernel.append(batch)
            try await kernel.extend(batch)
            state.withLock { $0.extended = numbers.upperBound }
            if numbers.upperBound >= due { try? await Task.sleep(for: .milliseconds(2)) }
        }
    }
}
