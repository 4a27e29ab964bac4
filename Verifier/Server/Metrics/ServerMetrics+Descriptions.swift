extension ServerMetrics {
    /// What the server counts.
    package static let descriptions = [
        MetricDescription("assay_attestations_total", .counter, labels: ["tier"], "Verdicts committed."),
        MetricDescription(
            "assay_attestations_by_reason_total", .counter, labels: ["reason"],
            "Verdicts that name this reason, whether it failed them or the policy only warns of it."),
        MetricDescription(
            "assay_records_total", .counter, "Records of measurement logs received, of unfinished rounds too."),
        MetricDescription(
            "assay_log_bytes_total", .counter, "Bytes of measurement logs received, of unfinished rounds too."),
        MetricDescription(
            "assay_signatures_total", .counter, labels: ["result"],
            "File signatures met by committed rounds: verified by a public-key operation, remembered from an earlier "
                + "one, or failed."),
        MetricDescription(
            "assay_round_seconds", MetricDescription.seconds, "From a Challenge to the commit of its verdict."),
        MetricDescription(
            "assay_commit_seconds", MetricDescription.seconds,
            "How long a session waited for the store to make its verdict durable."),
        MetricDescription("assay_connections", .gauge, "Agents connected now."),
        MetricDescription("assay_connections_total", .counter, "Agents' connections accepted."),
        MetricDescription(
            "assay_errors_total", .counter, labels: ["word"],
            "Connections refused or ended by an error, by gRPC's word for it."),
        MetricDescription(
            "assay_listener_full_total", .counter, labels: ["limit"],
            "Times that a connection waited, or one of an unproved peer was closed, for a limit was met: strangers, those "
                + "of one source, connections, or the system's descriptors."),
    ]
}
