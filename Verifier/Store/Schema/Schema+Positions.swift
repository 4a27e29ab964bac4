import Appraisal
import Bytes
import TPM

// Earlier positions of an epoch's log. They save work and decide nothing: one that is missing, doubtful or damaged only has
// an appraisal begin earlier.
extension Schema {
    /// The last position of an agent's log at or before the record of a request whose judgement still holds.
    ///
    /// - Parameter state: the last commit's.
    /// - Returns: nil if only record 0 is left.
    func position(
        of agent: Agent, _ state: AttestationState?, for request: Reattestation, _ denials: Denials,
        _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Outcome.Progress? {
        let policyHash = try policyHash(of: agent, transaction)
        guard request.firstRecord > 0, let state, state.attestationKeyName == agent.attestationKeyName,
            state.policyHash == policyHash
        else { return nil }
        let model = try keyrings(of: agent.id, unusable: [], transaction)
        for position in try positions(of: agent.id, transaction).reversed()
        where position.state.nextRecord <= request.firstRecord && position.state.isOfSameLog(as: state) {
            let kept = position.state
            let keyrings = model.before(record: kept.nextRecord, unusable: kept.unusableKeys)
            guard keyrings.count == kept.keyCount.map({ Int($0) }),
                try changedKeys(denials, kept, of: agent.id, transaction).isEmpty
            else { continue }
            return Outcome.Progress(
                clockInfo: kept.clockInfo, selection: kept.selection,
                appraisal: AppraisalState(
                    nextRecord: kept.nextRecord, recordsReceived: state.recordsReceived, fileRecords: kept.fileRecords,
                    lanes: kept.lanes, keyrings: keyrings, findings: position.findings, logBytes: kept.logBytes))
        }
        return nil
    }

    /// Those that can be read, ascending by record.
    private func positions(
        of id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> [Position] {
        var kept: [Position] = []
        try transaction.scan(positions, prefix: id.key) { (_, value) throws(StoreError) in
            if let position = try? Position(stored: value, at: .init()) { kept.append(position) }
            return true
        }
        return kept
    }

    /// Keeps positions of a log that has led to its quote, and drops those that no longer belong to it.
    ///
    /// A log that grows by a little leaves everything as it is: a commit is to be small.
    /// - Parameters:
    ///   - state: as it is about to be committed.
    ///   - old: the one before.
    func keepPositions(
        of outcome: Outcome, _ progress: Outcome.Progress, _ state: AttestationState, after old: AttestationState?,
        _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        let model = progress.appraisal.keyrings
        let before = outcome.basis.keyrings
        if let old, old.isOfSameLog(as: state), progress.passed.isEmpty, model.keyrings == before.keyrings {
            if old.nextRecord == state.nextRecord { return }
            if isNear(state.nextRecord, to: try lastPosition(of: outcome.agent, transaction)) { return }
        }
        var wanted: [UInt64: [UInt8]?] = [:]
        for position in try positions(of: outcome.agent, transaction)
        where position.state.isOfSameLog(as: state) && position.state.nextRecord <= state.nextRecord {
            // A kexec ends what its predecessor's keys vouch for: then the model has them no longer.
            let record = position.state.nextRecord
            guard model.before(record: record).keyrings == before.before(record: record).keyrings else { continue }
            wanted[record] = .some(nil)
        }
        let last = wanted.keys.max() ?? 0
        for passed in progress.passed + [progress.appraisal]
        where passed.keyrings.keyrings == model.before(record: passed.nextRecord).keyrings {
            if passed.nextRecord == state.nextRecord, isNear(state.nextRecord, to: last) { continue }
            wanted[passed.nextRecord] = Position(state: state.set(to: passed), findings: passed.findings).stored
        }
        try write(wanted, of: outcome.agent, transaction, &changes)
    }

    /// Whether a log has grown by so little since a position that another one is of no use.
    private func isNear(_ record: UInt64, to last: UInt64) -> Bool {
        record >= last && record - last <= record / 16
    }

    /// The record of the last position; 0 for none.
    private func lastPosition(
        of id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> UInt64 {
        var last: UInt64 = 0
        try transaction.scan(positions, prefix: id.key) { (key, _) throws(StoreError) in
            last = Self.number(in: key) ?? last
            return true
        }
        return last
    }

    /// What a position may take: one with more findings isn't worth its room.
    private static let positionBytes = 8 << 10

    /// - Parameter wanted: new values by record; nil for one that is stored.
    private func write(
        _ wanted: [UInt64: [UInt8]?], of id: AgentID, _ transaction: borrowing WriteTransaction,
        _ changes: inout Changes
    ) throws(StoreError) {
        var records = wanted.filter { $0.key > 0 && $0.value?.count ?? 0 <= Self.positionBytes }.keys.sorted()
        PositionSpacing.thin(&records) { $0 }
        let kept = Set(records)
        try transaction.scan(positions, prefix: id.key) { (key, _) throws(StoreError) in
            if let record = Self.number(in: key), !kept.contains(record) {
                changes.delete([UInt8](copying: key), in: positions)
            }
            return true
        }
        for record in records {
            if let value = wanted[record] ?? nil { changes.put(numberedKey(record, of: id), value, in: positions) }
        }
    }
}

extension AttestationState {
    /// Whether a position of one is a position of the other: the same boot, quoted alike and judged by the same policy.
    func isOfSameLog(as other: AttestationState) -> Bool {
        attestationKeyName == other.attestationKeyName && clockInfo.resetCount == other.clockInfo.resetCount
            && selection == other.selection && policyHash == other.policyHash
    }
}
