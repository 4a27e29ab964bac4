import Appraisal
import AssayCrypto
import TPM

extension Store {
    /// Commits what a session came to: all of it or nothing, and durable when this returns.
    ///
    /// In the same transaction it reads again what the session rests on. If that has changed, nothing is committed.
    package func commit(_ outcome: Outcome) async throws(StoreError) -> CommitResult {
        let schema = schema
        return try await writer.perform { (transaction, changes) throws(StoreError) in
            try schema.commit(outcome, transaction, &changes)
        }
    }
}

extension Schema {
    fileprivate func commit(
        _ outcome: Outcome, _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) -> CommitResult {
        let id = outcome.agent
        if let conflict = try conflict(with: outcome.basis, of: id, transaction) { return .conflict(conflict) }
        var verdict = outcome.verdict
        verdict.number = outcome.basis.verdictNumber &+ 1
        changes.put(id.key, verdict.stored, in: verdicts)
        changes.delete(id.key, in: scratch)
        changes.delete(id.key, in: withdrawals)
        let last: Verdict? = try transaction.load(of: id, in: verdicts)
        let before: AttestationState? = try transaction.load(of: id, in: states)
        try remember(verdict, of: outcome, after: last, before, transaction, &changes)
        if !outcome.findings.isEmpty {
            changes.put(
                numberedKey(verdict.number, of: id), StoredFindings(outcome.findings).stored, in: findings)
        }
        if let progress = outcome.progress {
            let state = AttestationState(progress, of: outcome, verdictNumber: verdict.number)
            changes.put(id.key, state.stored, in: states)
            changes.delete(id.key, in: reattestations)
            try keepPositions(of: outcome, progress, state, after: before, transaction, &changes)
            replaceKeyrings(outcome.basis.keyrings, by: progress.appraisal.keyrings, of: id, &changes)
            try carry(progress.appraisal.findings, of: id, transaction, &changes)
        }
        return .committed(verdict: verdict.number)
    }

    /// What of a session's basis no longer holds.
    private func conflict(
        with basis: Outcome.Basis, of id: AgentID, _ transaction: borrowing WriteTransaction
    ) throws(StoreError) -> CommitResult.Conflict? {
        guard let agent = try transaction.load(Agent.self, of: id, in: agents) else { return .notEnrolled }
        guard agent.revokedAt == nil else { return .revoked }
        guard agent.attestationKeyName == basis.attestationKeyName else { return .attestationKeyChanged }
        guard try policyHash(of: agent, transaction) == basis.policyHash else { return .policyChanged }
        guard try counter(MetaKey.denyGeneration, transaction) == basis.denyGeneration else {
            return .deniedKeysChanged
        }
        let verdict: Verdict? = try transaction.load(of: id, in: verdicts)
        let state: AttestationState? = try transaction.load(of: id, in: states)
        guard verdict?.number ?? 0 == basis.verdictNumber, state?.verdictNumber ?? 0 == basis.stateNumber else {
            return .stateChanged
        }
        let request: Reattestation? = try transaction.load(of: id, in: reattestations)
        guard request?.number ?? 0 == basis.reattestation else { return .reattestationRequested }
        return nil
    }

    /// Writes what is new in the model and removes what is gone. The state's number has told that the stored keys are
    /// still the old ones.
    private func replaceKeyrings(
        _ old: KeyringModel, by new: KeyringModel, of id: AgentID, _ changes: inout Changes
    ) {
        guard new.keyrings != old.keyrings else { return }
        let stored = StoredKey.entries(of: old, agent: id)
        let wanted = StoredKey.entries(of: new, agent: id)
        for (key, entry) in wanted where stored[key] != entry { changes.put(key, entry.stored, in: keyrings) }
        for key in stored.keys where wanted[key] == nil { changes.delete(key, in: keyrings) }
    }

    /// Keeps the findings that the epoch's next round goes on with. They rarely change, and can be many.
    private func carry(
        _ findings: Findings, of id: AgentID, _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        let key = numberedKey(Self.carriedFindings, of: id)
        let new = findings.isEmpty ? nil : StoredFindings(findings).stored
        guard try transaction.bytes(of: key, in: self.findings) != new else { return }
        if let new {
            changes.put(key, new, in: self.findings)
        } else {
            changes.delete(key, in: self.findings)
        }
    }
}

extension AttestationState {
    fileprivate init(_ progress: Outcome.Progress, of outcome: Outcome, verdictNumber: UInt64) {
        let appraisal = progress.appraisal
        self.init(
            verdictNumber: verdictNumber, attestationKeyName: outcome.basis.attestationKeyName,
            clockInfo: progress.clockInfo, selection: progress.selection, policyHash: outcome.basis.policyHash,
            denyGeneration: outcome.basis.denyGeneration, challengedAt: outcome.verdict.challengedAt,
            committedAt: outcome.verdict.givenAt, nextRecord: appraisal.nextRecord,
            recordsReceived: appraisal.recordsReceived, fileRecords: appraisal.fileRecords, lanes: appraisal.lanes,
            unusableKeys: appraisal.keyrings.unusable, keyCount: UInt32(clamping: appraisal.keyrings.count),
            logBytes: appraisal.logBytes)
    }

    /// The same round, had it ended at an earlier record.
    func set(to appraisal: AppraisalState) -> AttestationState {
        var state = self
        state.nextRecord = appraisal.nextRecord
        state.recordsReceived = appraisal.recordsReceived
        state.fileRecords = appraisal.fileRecords
        state.lanes = appraisal.lanes
        state.unusableKeys = appraisal.keyrings.unusable
        state.keyCount = UInt32(clamping: appraisal.keyrings.count)
        state.logBytes = appraisal.logBytes
        return state
    }
}
