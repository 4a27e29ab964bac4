package import CoreMetrics
package import Server
internal import Synchronization

/// Where swift-metrics' counters, gauges and timers end up; rendered as Prometheus reads them.
///
/// Only what the descriptions name is kept, with exactly their labels: so the documentation is complete, and no label
/// of somebody else's making can grow without bound. Everything else counts into nothing.
package final class MetricRegistry: MetricsFactory {
    enum Series {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)
    }

    /// What is kept, in the order in which it is rendered.
    let descriptions: [MetricDescription]
    private let kinds: [String: MetricDescription]
    /// By name, then by the labels' values in the description's order.
    private let series = Mutex<[String: [[String]: Series]]>([:])

    /// A registry of these metrics; of two with one name the first counts.
    package init(_ descriptions: [MetricDescription]) {
        self.descriptions = descriptions
        kinds = Dictionary(descriptions.map { ($0.name, $0) }) { first, _ in first }
    }

    /// The series of a metric, by their labels' values.
    func series(of name: String) -> [[String]: Series] {
        series.withLock { $0[name] ?? [:] }
    }

    /// The series with these labels, made if it is new.
    ///
    /// - Parameter make: nil if the metric is of another kind than is asked for.
    private func find(
        _ name: String, _ dimensions: [(String, String)], _ make: (MetricDescription.Kind) -> Series?
    ) -> Series? {
        guard let description = kinds[name], description.labels == dimensions.map(\.0) else { return nil }
        let values = dimensions.map(\.1)
        return series.withLock { series in
            if let known = series[name]?[values] { return known }
            let made = make(description.kind)
            series[name, default: [:]][values] = made
            return made
        }
    }

    private func counter(_ name: String, _ dimensions: [(String, String)]) -> CounterSeries? {
        let found = find(name, dimensions) { kind in kind == .counter ? .counter(CounterSeries()) : nil }
        guard case .counter(let series)? = found else { return nil }
        return series
    }

    /// A counter, too, may be told its value: the system's own counters are read, not counted.
    private func gauge(_ name: String, _ dimensions: [(String, String)]) -> GaugeSeries? {
        let found = find(name, dimensions) { kind in
            if case .histogram = kind { nil } else { .gauge(GaugeSeries()) }
        }
        guard case .gauge(let series)? = found else { return nil }
        return series
    }

    private func histogram(_ name: String, _ dimensions: [(String, String)]) -> HistogramSeries? {
        let found = find(name, dimensions) { kind in
            if case .histogram(let bounds) = kind { .histogram(HistogramSeries(bounds: bounds)) } else { nil }
        }
        guard case .histogram(let series)? = found else { return nil }
        return series
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions) ?? NOOPMetricsHandler.instance
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions) ?? NOOPMetricsHandler.instance
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        let handler: (any RecorderHandler)? = aggregate ? histogram(label, dimensions) : gauge(label, dimensions)
        return handler ?? NOOPMetricsHandler.instance
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions) ?? NOOPMetricsHandler.instance
    }

    // Series live as long as the process: a counter that vanished and came back would look like a restart.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}
