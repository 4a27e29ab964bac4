import Appraisal
import AssayCrypto
import Foundation
import IMA
import TPM
import TestSupport

/// One attestation in the steady state: a quote and 20 new records, whatever the policy's size.
enum AttestationTopic: Topic {
    static let name = "attestation"
    private static let records = 20
    private static let repetitions = 500

    static func rows(_ bench: Bench) throws -> [Row] {
        let floor = try bench.workspace.floor("attestfloor")
        let small = try Attestation(bench.workspace.log("ng-2500", records: 2_500))
        let large = try Attestation(bench.workspace.log("ng-100k", records: 100_000))
        let toFloor = try Pair(rounds: bench.rounds) {
            try small.seconds(repetitions)
        } yardstick: {
            let child = try Child.run(floor, ["ecc", "\(records)", "\(repetitions)"])
            let words = child.output.split(separator: "\n").compactMap { line -> Double? in
                let words = line.split(separator: " ")
                return words.firstIndex(of: "us,").flatMap { Double(words[$0 - 1]) }
            }
            guard let least = words.min() else { throw BenchmarkError("attestfloor: \(child.output)") }
            return least / 1e6
        }
        let toSmall = try Pair(rounds: bench.rounds) {
            try large.seconds(repetitions)
        } yardstick: {
            try small.seconds(repetitions)
        }
        return [
            Row(
                work: "one attestation of \(records) new records, 2,500 paths", value: toFloor.cost,
                bound: .atMost(must: 2, aim: 1.3), ours: microseconds(toFloor.medianOurs),
                yardstick: "floor " + microseconds(toFloor.medianYardstick)),
            Row(
                work: "the same with 100,000 paths", value: toSmall.cost, bound: .atMost(must: 1.2, aim: 1.05),
                ours: microseconds(toSmall.medianOurs),
                yardstick: "2,500 paths " + microseconds(toSmall.medianYardstick)),
        ]
    }

    private static func microseconds(_ seconds: Double) -> String { String(format: "%.1f µs", seconds * 1e6) }
}

/// A host whose log is appraised but for its last records, and a quote of all of it.
private struct Attestation {
    private let key: AttestationKey
    private let policy: Policy
    private let state: AppraisalState
    private let quote: ReceivedQuote
    private let selection: PCRSelection
    private let nonce = [UInt8](repeating: 7, count: 32)
    private let shard: [UInt8]

    init(_ workload: Workload) throws {
        policy = workload.policy
        let tpm = try SyntheticTPM()
        key = try tpm.attestationKey()
        var ends: [Int] = []
        var reader = RecordReader(workload.log.span, format: LogFormat())
        while let record = try reader.next() { ends.append(record.range.upperBound) }
        let cut = ends[ends.count - 21]
        var before = Appraiser(policy: policy, quote: try Self.quote(of: workload.log, upTo: cut))
        _ = before.appraise(workload.log.span.extracting(0..<cut))
        guard let state = before.finish().newState else { throw BenchmarkError("the log's beginning doesn't match") }
        self.state = state
        shard = Array(workload.log[cut...])
        selection = PCRSelection(banks: [.sha256], pcrs: PCRSet([10]))
        var values = PCRValues()
        values[.sha256, 10] = workload.pcr
        quote = try tpm.quote(
            qualifyingData: nonce, selection: selection, values: values,
            clock: ClockInfo(clock: 1, resetCount: 1, restartCount: 0, isSafe: true))
    }

    /// The PCR after some bytes of a log.
    private static func quote(of log: [UInt8], upTo end: Int) throws -> QuotedPCRs {
        var replay = PCRReplay(banks: [.sha256], pcrs: [10])
        var reader = RecordReader(log.span.extracting(0..<end), format: LogFormat())
        while let record = try reader.next() { _ = replay.extend(record, in: log.span) }
        guard let value = replay.value(.sha256, 10) else { throw BenchmarkError("no PCR 10") }
        return QuotedPCRs(.sha256, 10, value)
    }

    /// CPU seconds of one, the least of a few runs of many.
    func seconds(_ repetitions: Int) throws -> Double {
        try Clock.cpu.least(of: 3) {
            for _ in 0..<repetitions { try attest() }
        } / Double(repetitions)
    }

    private func attest() throws {
        let verified = try key.verify(
            quote, qualifyingData: nonce, selection: selection, allowsSHA1Signature: false)
        var appraiser = Appraiser(policy: policy, state: state, quote: QuotedPCRs(verified))
        _ = appraiser.appraise(shard.span)
        let outcome = appraiser.finish()
        guard outcome.tier == .affirming, outcome.recordsReceived == 20 else {
            throw BenchmarkError("\(outcome.findings.kept)")
        }
    }
}
