import AssayCrypto
import IMA
import Messages
import TPM
import TestSupport

/// A host as a verifier meets it: a TPM, a log, and the messages that an honest agent makes of them.
struct SimulatedHost {
    static let id = Array("host-1".utf8)
    static let exporter = [UInt8](repeating: 7, count: 32)

    let tpm: SyntheticTPM
    var log = LogBuilder()
    var clock = ClockInfo(clock: 1000, resetCount: 5, restartCount: 0, isSafe: true)
    /// What the PCRs hold, where it isn't what the log led to.
    var quoted: PCRValues?

    /// A host that has booted and measured nothing but its boot.
    init() throws {
        tpm = try SyntheticTPM()
        log.bootAggregate()
    }

    mutating func measure(_ names: String...) {
        for name in names { log.file("/\(name)", name) }
    }

    mutating func reboot() {
        log = LogBuilder()
        log.bootAggregate()
        clock = ClockInfo(clock: clock.clock + 1, resetCount: clock.resetCount + 1, restartCount: 0, isSafe: true)
    }

    var hello: Hello {
        get throws {
            Hello(
                agentID: Self.id, attestationKeyName: try tpm.attestationKey().name, nextRecord: UInt64(log.count),
                banks: [.sha256], maximumShardBytes: 1 << 20, resetCount: clock.resetCount,
                restartCount: clock.restartCount)
        }
    }

    func quote(_ qualifyingData: [UInt8], _ selection: PCRSelection) throws -> ReceivedQuote {
        try tpm.quote(
            qualifyingData: qualifyingData, selection: selection, values: quoted ?? log.values(Array(0..<24)),
            clock: clock)
    }

    func evidence(_ challenge: Challenge) throws -> Evidence {
        let data = QuoteBinding.qualifyingData(
            nonce: challenge.nonce, agentID: Self.id, attestationKeyName: try tpm.attestationKey().name,
            exporter: Self.exporter)
        let quote = try quote(data, challenge.selection)
        return Evidence(
            round: challenge.round, attest: quote.attest, signature: quote.signature, pcrValues: quote.pcrValues,
            logEnd: UInt64(log.count), logBytes: UInt64(try records(challenge.firstRecord..<UInt64(log.count)).count))
    }

    /// The bytes of some records.
    func records(_ range: Range<UInt64>) throws -> [UInt8] {
        let delimiter = LogDelimiter(LogFormat())
        let start = try delimiter.wholeRecords(in: log.bytes.span, number: 0, maximumRecords: Int(range.lowerBound))
        let end = try delimiter.wholeRecords(in: log.bytes.span, number: 0, maximumRecords: Int(range.upperBound))
        return Array(log.bytes[start.end..<end.end])
    }

    /// A shard as an honest agent sends it.
    func shard(_ round: UInt64, _ range: Range<UInt64>, end: UInt64? = nil) throws -> LogShard {
        let end = end ?? UInt64(log.count)
        return LogShard(
            round: round, firstRecord: range.lowerBound, recordCount: UInt32(range.count),
            records: try records(range), moreDataPending: range.upperBound < end,
            recordsRemaining: end - range.upperBound, bytesRemaining: 0)
    }
}
