internal import Bytes
internal import IMA

/// Snapshots: a record that claims PCR values is held to the replay, and needs no listing if that bears it out. The claims
/// never take the replay's place.
extension RecordJudge {
    /// What a `snapshot_aggregate` claims, and what that is worth; nil for any other record.
    ///
    /// - Parameter judgement: before the record: a snapshot is extended behind what it tells.
    func snapshot(
        _ fields: RecordFields, in bytes: Span<UInt8>, _ number: UInt64, _ judgement: borrowing Judgement
    ) -> AppraisalOutcome.Snapshot? {
        guard let aggregate = SnapshotAggregate(fields, in: bytes) else { return nil }
        let worth: AppraisalOutcome.Snapshot.Worth
        if let (claim, replayed) = aggregate.contradiction(by: judgement.replay.lanes) {
            // Without a quote what was given may be an excerpt: then nothing before it was replayed.
            worth =
                number == 0 && !hasQuote
                ? .unsupported
                : .contradicted(claimed: "\(claim)", replayed: "\(claim.bank) PCR \(claim.pcr) \(replayed)")
        } else {
            worth = aggregate.isBorneOut(by: judgement.replay.lanes) ? .borneOut : .unsupported
        }
        return AppraisalOutcome.Snapshot(record: number, aggregate: aggregate, worth: worth)
    }

    /// Takes a snapshot in, once its record has extended the PCRs and is whole.
    func take(_ snapshot: AppraisalOutcome.Snapshot, _ judgement: inout Judgement) {
        if judgement.snapshots.count < AppraisalOutcome.Snapshot.keptLimit { judgement.snapshots.append(snapshot) }
        if let finding = snapshot.falseClaim { judgement.findings.add(finding) }
    }
}

extension AppraisalOutcome.Snapshot {
    private static let name = Array("snapshot_aggregate".utf8)

    /// What is wrong with its claims.
    var falseClaim: Finding? {
        guard case .contradicted(let claimed, let replayed) = worth else { return nil }
        return Finding(
            .pcrMismatch, record: record, path: Self.name, found: claimed, expected: replayed,
            remedy: "The records before it lead to other PCR values than it claims: some are missing or were altered. "
                + "Inspect the host.")
    }

    /// What is missing if it is the first record that there is.
    var gap: Finding? {
        guard worth != .borneOut else { return nil }
        return Finding(
            .recordsMissing, record: record, path: Self.name,
            found: "a log that begins with a snapshot; the records before it were cut off",
            expected: "the records that lead to the values that it claims",
            remedy: "Let the agent serve the shards with the records before it, or reboot the host to begin a new log.")
    }
}
