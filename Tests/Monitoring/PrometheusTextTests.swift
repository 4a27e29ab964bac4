import CoreMetrics
import Foundation
import Server
import TestSupport
import Testing

@testable import Monitoring

@Suite("The text that Prometheus scrapes") struct PrometheusTextTests {
    @Test("has HELP and TYPE before a metric's samples, in the catalogue's order; labels sorted by value")
    func counters() {
        let registry = MetricRegistry([
            MetricDescription("b_total", .counter, labels: ["kind"], "Counts \\ and\nbreaks."),
            MetricDescription("a", .gauge, "A gauge."),
        ])
        let second = Counter(label: "b_total", dimensions: [("kind", "z")], factory: registry)
        let first = Counter(label: "b_total", dimensions: [("kind", "a\"\\\n")], factory: registry)
        second.increment(by: 3)
        first.increment()
        second.increment()
        Gauge(label: "a", factory: registry).record(0.25)
        #expect(
            PrometheusText.render(registry) == #"""
                # HELP b_total Counts \\ and\nbreaks.
                # TYPE b_total counter
                b_total{kind="a\"\\\n"} 1
                b_total{kind="z"} 4
                # HELP a A gauge.
                # TYPE a gauge
                a 0.25

                """#)
    }

    @Test("shows a histogram cumulatively, with +Inf, sum and count")
    func histogram() {
        let registry = MetricRegistry([
            MetricDescription("t_seconds", .histogram(bounds: [0.005, 0.1, 1]), labels: ["x"], "Times.")
        ])
        let timer = Timer(label: "t_seconds", dimensions: [("x", "y")], factory: registry)
        for milliseconds in [5, 6, 100, 2000] as [Int64] { timer.recordNanoseconds(milliseconds * 1_000_000) }
        #expect(
            PrometheusText.render(registry) == """
                # HELP t_seconds Times.
                # TYPE t_seconds histogram
                t_seconds_bucket{x="y",le="0.005"} 1
                t_seconds_bucket{x="y",le="0.1"} 3
                t_seconds_bucket{x="y",le="1"} 3
                t_seconds_bucket{x="y",le="+Inf"} 4
                t_seconds_sum{x="y"} 2.111
                t_seconds_count{x="y"} 4

                """)
    }

    @Test(
        "writes numbers as Go reads them",
        arguments: [
            (0, "0"), (-2, "-2"), (1e15, "1000000000000000"), (0.1, "0.1"), (1e-7, "1e-07"), (.nan, "NaN"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (1e300, "1e+300"),
        ] as [(Double, String)])
    func numbers(value: Double, text: String) {
        #expect(PrometheusText.number(value) == text)
    }

    @Test("has nothing that the catalogue doesn't name, with its labels and its kind")
    func undeclared() {
        let registry = MetricRegistry([
            MetricDescription("known_total", .counter, labels: ["a"], "Known."),
            MetricDescription("level", .gauge, "Known."),
        ])
        Counter(label: "unknown_total", factory: registry).increment()
        Counter(label: "known_total", factory: registry).increment()
        Counter(label: "known_total", dimensions: [("b", "x")], factory: registry).increment()
        Counter(label: "level", factory: registry).increment()
        Timer(label: "level", factory: registry).recordSeconds(1)
        #expect(PrometheusText.render(registry).isEmpty)
    }

    @Test("counts without losing any, from many tasks at once")
    func concurrent() async {
        let registry = MetricRegistry([
            MetricDescription("n_total", .counter, "N."), MetricDescription("g", .gauge, "G."),
        ])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let counter = Counter(label: "n_total", factory: registry)
                    let meter = Meter(label: "g", factory: registry)
                    for _ in 0..<1000 {
                        counter.increment()
                        meter.increment()
                    }
                }
            }
        }
        let text = PrometheusText.render(registry)
        #expect(text.contains("\nn_total 8000\n") && text.contains("\ng 8000\n"))
    }
}

@Suite("The catalogue of metrics") struct CatalogueTests {
    @Test("has names, labels and units as Prometheus wants them, each once", arguments: Monitor.descriptions)
    func names(description: MetricDescription) throws {
        #expect(description.name.wholeMatch(of: /(assay|process)_[a-z_]+/) != nil)
        #expect(description.name.hasSuffix("_total") == (description.kind == .counter))
        #expect(description.labels.allSatisfy { $0.wholeMatch(of: /[a-z]+/) != nil && $0 != "le" })
        #expect(description.help.hasSuffix("."))
        #expect(Monitor.descriptions.filter { $0.name == description.name }.count == 1)
        if case .histogram(let bounds) = description.kind {
            #expect(description.name.hasSuffix("_seconds"))
            #expect(bounds == bounds.sorted() && Set(bounds).count == bounds.count)
        }
    }

    @Test("stands in Docs/monitoring.md, word for word and nothing else")
    func documented() throws {
        let page = try String(
            contentsOf: Fixtures.folder.appending(path: "../../Docs/monitoring.md").standardizedFileURL, encoding: .utf8
        )
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `assay_") || $0.hasPrefix("| `process_") }
        let expected = Monitor.descriptions.map { description in
            let kind =
                switch description.kind {
                case .counter: "counter"
                case .gauge: "gauge"
                case .histogram: "histogram"
                }
            let labels = description.labels.map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(description.name)` | \(kind) | \(labels) | \(description.help) |"
        }
        #expect(rows.map(String.init) == expected)
    }

    @Test("of the server is counted from the start, so that a rate has a beginning")
    func complete() {
        let registry = MetricRegistry(ServerMetrics.descriptions)
        let metrics = ServerMetrics(factory: registry)
        withExtendedLifetime(metrics) {
            let text = PrometheusText.render(registry)
            for description in ServerMetrics.descriptions { #expect(text.contains("# TYPE \(description.name) ")) }
            #expect(text.contains(#"assay_attestations_total{tier="contraindicated"} 0"#))
            #expect(text.contains(#"assay_errors_total{word="deadline_exceeded"} 0"#))
            #expect(text.contains(#"assay_attestations_by_reason_total{reason="digest_mismatch"} 0"#))
        }
    }
}
