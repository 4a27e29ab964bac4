import Appraisal
package import CoreMetrics
import Messages
import Transport

/// What the server counts, through swift-metrics: once a shard, a round or a connection, never once a record.
package struct ServerMetrics: Sendable {
    private let attestations: [Appraisal.Tier: Counter]
    private let reasons: [Reason: Counter]
    private let records: Counter
    private let logBytes: Counter
    private let verified: Counter
    private let remembered: Counter
    private let failed: Counter
    private let roundTime: Timer
    private let commitTime: Timer
    private let connections: Meter
    private let accepted: Counter
    private let errors: [Status.Code: Counter]
    private let crowdings: [String: Counter]

    /// Begins to count: every series is there from now on, at 0.
    package init(factory: any MetricsFactory = MetricsSystem.factory) {
        func counter(_ name: String, _ label: (String, String)? = nil) -> Counter {
            Counter(label: "assay_" + name, dimensions: label.map { [$0] } ?? [], factory: factory)
        }
        func counters<Value: CaseIterable>(
            _ name: String, _ label: String, _ word: (Value) -> String
        ) -> [Value: Counter] {
            Dictionary(
                uniqueKeysWithValues: Value.allCases.map { ($0, counter(name, (label, word($0)))) })
        }
        attestations = counters("attestations_total", "tier", \.rawValue)
        reasons = counters("attestations_by_reason_total", "reason", \.rawValue)
        records = counter("records_total")
        logBytes = counter("log_bytes_total")
        verified = counter("signatures_total", ("result", "verified"))
        remembered = counter("signatures_total", ("result", "remembered"))
        failed = counter("signatures_total", ("result", "failed"))
        roundTime = Timer(label: "assay_round_seconds", factory: factory)
        commitTime = Timer(label: "assay_commit_seconds", factory: factory)
        connections = Meter(label: "assay_connections", factory: factory)
        accepted = counter("connections_total")
        errors = counters("errors_total", "word") { (code: Status.Code) in code.name.lowercased() }
        crowdings = Dictionary(
            uniqueKeysWithValues: Crowding.limits.map { ($0, counter("listener_full_total", ("limit", $0))) })
    }

    func connected() {
        accepted.increment()
        connections.increment()
    }

    func disconnected() {
        connections.decrement()
    }

    func received(records count: UInt32, bytes: Int) {
        records.increment(by: Int64(count))
        logBytes.increment(by: Int64(bytes))
    }

    func committed(_ outcome: RoundOutcome, roundTime time: Duration) {
        attestations[outcome.tier]?.increment()
        for reason in outcome.findings.byReason.keys { reasons[reason]?.increment() }
        verified.increment(by: Int64(clamping: outcome.signatures.verified))
        remembered.increment(by: Int64(clamping: outcome.signatures.cached))
        failed.increment(by: Int64(clamping: outcome.signatures.failed))
        roundTime.recordNanoseconds(time.nanoseconds)
    }

    func waited(forCommit time: Duration) {
        commitTime.recordNanoseconds(time.nanoseconds)
    }

    func crowded(_ crowding: Crowding) {
        crowdings[crowding.limit]?.increment()
    }

    func failed(_ status: Status) {
        guard status.code != .ok else { return }
        errors[status.code]?.increment()
    }
}

extension Duration {
    /// Whole nanoseconds; the longest that fit for what is longer than 292 years.
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return Int64(clamping: Int128(seconds) * 1_000_000_000 + Int128(attoseconds / 1_000_000_000))
    }
}
