internal import Appraisal
internal import CoreMetrics
package import Server
package import Store

/// What isn't counted but read when somebody asks: the fleet's state, the store's writer, the process.
package struct FleetMetrics: Sendable {
    /// What is read.
    package static let descriptions = [
        MetricDescription("assay_agents", .gauge, labels: ["tier"], "Enrolled agents by the tier that they have now."),
        MetricDescription(
            "assay_agents_by_state", .gauge, labels: ["state"],
            "Enrolled agents by state; only contraindicated means distrust."),
        MetricDescription(
            "assay_oldest_verdict_age_seconds", .gauge,
            "Age of the last verdict of the agent that has waited longest, or its least age if it is stamped in the future; "
                + "NaN before the first verdict."),
        MetricDescription(
            "assay_newest_verdict_age_seconds", .gauge,
            "Age of the newest verdict that isn't stamped in the future; NaN before the first."),
        MetricDescription(
            "assay_store_operations_total", .counter, "Writes that the store has answered, refused ones too."),
        MetricDescription(
            "assay_store_transactions_total", .counter, "Transactions that carried them: one fdatasync each."),
        MetricDescription("assay_store_growths_total", .counter, "How often the store's map grew."),
        MetricDescription("assay_store_used_bytes", .gauge, "Bytes of the store's pages in use."),
        MetricDescription("assay_store_limit_bytes", .gauge, "Bytes that the store may take (storage.limit)."),
        MetricDescription(
            "assay_store_disk_free_bytes", .gauge, "Bytes that are free on the store's disk; NaN if unknown."),
        MetricDescription(
            "assay_store_writable", .gauge,
            "0 while the store's last write failed, for lack of room or of a disk that works: no verdict is given then."
        ),
        MetricDescription(
            "assay_build_info", .gauge, labels: ["version"], "Always 1; the label is the release that runs."),
    ]

    private let watch: FleetWatch
    private let store: Store
    private let tiers: [Tier: Meter]
    private let states: [AgentStanding.Word: Meter]
    private let oldest: Meter
    private let newest: Meter
    private let operations: Meter
    private let transactions: Meter
    private let growths: Meter
    private let usedBytes: Meter
    private let limitBytes: Meter
    private let diskBytes: Meter
    private let isWritable: Meter

    /// Begins to report.
    package init(_ watch: FleetWatch, store: Store, version: String, registry: MetricRegistry) {
        self.watch = watch
        self.store = store
        func meter(_ name: String, _ labels: [(String, String)] = []) -> Meter {
            Meter(label: "assay_" + name, dimensions: labels, factory: registry)
        }
        tiers = Dictionary(
            uniqueKeysWithValues: Tier.allCases.map { ($0, meter("agents", [("tier", $0.rawValue)])) })
        states = Dictionary(
            uniqueKeysWithValues: AgentStanding.Word.allCases.map {
                ($0, meter("agents_by_state", [("state", $0.rawValue)]))
            })
        oldest = meter("oldest_verdict_age_seconds")
        newest = meter("newest_verdict_age_seconds")
        operations = meter("store_operations_total")
        transactions = meter("store_transactions_total")
        growths = meter("store_growths_total")
        usedBytes = meter("store_used_bytes")
        limitBytes = meter("store_limit_bytes")
        diskBytes = meter("store_disk_free_bytes")
        isWritable = meter("store_writable")
        meter("build_info", [("version", version)]).set(1)
    }

    /// Reads what is true now.
    package func update() {
        let census = watch.census()
        for (tier, meter) in tiers { meter.set(census.tiers[tier] ?? 0) }
        for (state, meter) in states { meter.set(census.standings[state] ?? 0) }
        oldest.set(census.oldest.map(Double.init) ?? .nan)
        newest.set(census.newest.map(Double.init) ?? .nan)
        let statistics = store.statistics
        operations.set(statistics.operations)
        transactions.set(statistics.transactions)
        growths.set(statistics.growths)
        isWritable.set(store.writeFailure == nil ? 1 : 0)
        guard let room = try? store.room() else { return }
        usedBytes.set(room.usedBytes)
        limitBytes.set(room.limitBytes)
        diskBytes.set(room.diskBytes.map(Double.init) ?? .nan)
    }
}
