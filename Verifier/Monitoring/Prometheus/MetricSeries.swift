internal import CoreMetrics
internal import Synchronization

/// A counter's value.
final class CounterSeries: CounterHandler {
    private let count = Atomic<Int64>(0)

    var value: Int64 { count.load(ordering: .relaxed) }

    func increment(by amount: Int64) {
        guard amount > 0 else { return }  // a counter never falls
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() { count.store(0, ordering: .relaxed) }
}

/// A gauge's value.
final class GaugeSeries: RecorderHandler, MeterHandler {
    private let number = Mutex(0.0)

    var value: Double { number.withLock(\.self) }

    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { number.withLock { $0 = value } }
    func set(_ value: Int64) { record(Double(value)) }
    func set(_ value: Double) { record(value) }
    func increment(by amount: Double) { number.withLock { $0 += amount } }
    func decrement(by amount: Double) { number.withLock { $0 -= amount } }
}

/// How many values were at most each bound.
final class HistogramSeries: RecorderHandler, TimerHandler {
    /// What was recorded.
    struct Counts: Hashable, Sendable {
        /// For each bound, the values above the bound before and not above this one; then those above all.
        var buckets: [UInt64]
        var sum = 0.0

        var total: UInt64 { buckets.reduce(0, &+) }
    }

    /// Ascending.
    let bounds: [Double]
    private let counts: Mutex<Counts>

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    var value: Counts { counts.withLock(\.self) }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts.withLock { counts in
            counts.buckets[bucket] &+= 1
            counts.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
