/// A metric as it is served and documented. Its labels have few values: none is an agent's or comes from a log.
package struct MetricDescription: Hashable, Sendable {
    /// What its numbers mean.
    package enum Kind: Hashable, Sendable {
        /// Only grows, from 0 at the process's start.
        case counter
        /// A value of now.
        case gauge
        /// Counts of what was at most each bound, ascending.
        case histogram(bounds: [Double])
    }

    /// Such as `assay_records_total`; the unit, if any, is in it.
    package let name: String
    package let kind: Kind
    /// What tells its series apart.
    package let labels: [String]
    /// A sentence, for whoever reads a graph of it.
    package let help: String

    /// Describes a metric.
    package init(_ name: String, _ kind: Kind, labels: [String] = [], _ help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
    }

    /// Bounds of times, in seconds.
    package static let seconds = Kind.histogram(
        bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
}
