internal import Server

/// The text format 0.0.4 that Prometheus scrapes.
///
/// Source: Prometheus, "Exposition formats", text-based format: HELP and TYPE once before a metric's samples; in HELP `\`
/// and newline are escaped, in label values the quote, too; a histogram is cumulative, ends in `+Inf`, and has `_sum`
/// and `_count`.
enum PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All series of a registry.
    static func render(_ registry: MetricRegistry) -> String {
        var text = ""
        for description in registry.descriptions {
            let series = registry.series(of: description.name).sorted { $0.key.lexicographicallyPrecedes($1.key) }
            guard !series.isEmpty else { continue }
            text += "# HELP \(description.name) \(escapedHelp(description.help))\n"
            text += "# TYPE \(description.name) \(typeWord(description.kind))\n"
            for (values, series) in series {
                append(series, description.name, Array(zip(description.labels, values)), to: &text)
            }
        }
        return text
    }

    private static func append(
        _ series: MetricRegistry.Series, _ name: String, _ labels: [(String, String)], to text: inout String
    ) {
        switch series {
        case .counter(let counter): text += sample(name, labels, "\(counter.value)")
        case .gauge(let gauge): text += sample(name, labels, number(gauge.value))
        case .histogram(let histogram):
            let counts = histogram.value
            var total: UInt64 = 0
            for (bound, count) in zip(histogram.bounds + [.infinity], counts.buckets) {
                total &+= count
                text += sample(name + "_bucket", labels + [("le", number(bound))], "\(total)")
            }
            text += sample(name + "_sum", labels, number(counts.sum))
            text += sample(name + "_count", labels, "\(total)")
        }
    }

    private static func sample(_ name: String, _ labels: [(String, String)], _ value: String) -> String {
        let pairs = labels.map { "\($0.0)=\"\(escapedLabel($0.1))\"" }
        return name + (pairs.isEmpty ? "" : "{" + pairs.joined(separator: ",") + "}") + " " + value + "\n"
    }

    private static func typeWord(_ kind: MetricDescription.Kind) -> String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    /// As Go's ParseFloat reads it.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map(String.init) ?? "\(value)"
    }

    static func escapedHelp(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    static func escapedLabel(_ text: String) -> String {
        escapedHelp(text).replacing("\"", with: "\\\"")
    }
}
