import Appraisal
package import Enrolment
package import Store
import TPM

/// What all sessions of a server share.
package struct SessionServices: Sendable {
    package let store: Store
    package let policies: PolicyCache
    package let settings: SessionSettings
    /// Who enrols hosts and renews their certificates; nil where the operator's own PKI does.
    package let registrar: Registrar?
    /// Seconds since 1970.
    package let time: @Sendable () -> Int64
    /// What is counted.
    package let metrics: ServerMetrics
    /// Told of each verdict once it is durable. Called by sessions, so it must not wait for anything.
    package let onVerdict: @Sendable (AgentID, Verdict) -> Void
    /// How often agents may have themselves judged.
    let allowance: RoundAllowance

    /// Services over one store.
    package init(
        store: Store, settings: SessionSettings, registrar: Registrar? = nil, time: @escaping @Sendable () -> Int64,
        metrics: ServerMetrics = ServerMetrics(),
        onVerdict: @escaping @Sendable (AgentID, Verdict) -> Void = { _, _ in }
    ) {
        self.store = store
        self.settings = settings
        self.registrar = registrar
        self.time = time
        self.metrics = metrics
        self.onVerdict = onVerdict
        policies = PolicyCache(store: store)
        allowance = RoundAllowance(settings.allowance)
    }

    /// What a round is built on, the enrolled key checked anew.
    func basis(_ snapshot: AgentSnapshot) throws -> RoundBasis {
        let publicArea = try PublicArea(tpm2bPublic: snapshot.agent.attestationKeyPublic)
        var attestation: RoundBasis.Attestation?
        if let state = snapshot.state, let appraisal = snapshot.appraisal {
            attestation = .init(clock: state.clockInfo, selection: state.selection, state: appraisal)
        }
        var numbers = RoundBasis.Numbers()
        numbers.verdict = snapshot.verdict?.number ?? 0
        numbers.state = snapshot.state?.verdictNumber ?? 0
        numbers.denials = snapshot.denyGeneration
        numbers.reattestation = snapshot.reattestation?.number ?? 0
        let trial = tried(snapshot)
        let learning = snapshot.learning.flatMap { $0.isUnderWay(at: time()) ? $0 : nil }
        // Either is about the whole log.
        let takesWholeLog = trial != nil || learning != nil
        var basis = RoundBasis(
            attestationKey: try AttestationKey(publicArea: publicArea),
            policy: try snapshot.policyHash.map { try policies.policy($0) }, deniedKeys: snapshot.deniedKeys,
            attestation: attestation, mayResume: snapshot.isStateCurrent && !takesWholeLog, numbers: numbers,
            scratch: takesWholeLog ? nil : snapshot.scratch)
        if !takesWholeLog, let kept = snapshot.position {
            basis.position = .init(clock: kept.clockInfo, selection: kept.selection, state: kept.appraisal)
        }
        basis.trial = trial
        basis.learning = learning
        return basis
    }
}

extension RoundOutcome {
    /// The outcome as the store commits it.
    func stored(for snapshot: AgentSnapshot, at time: Int64) -> Outcome {
        Outcome(
            agent: snapshot.agent.id, basis: snapshot.basis, quote: quote, appraisal: attestation?.state,
            passed: passed, tier: tier, appraisedRecords: nextRecord, excessRecords: excessRecords, findings: findings,
            challengedAt: challengedAt, givenAt: time)
    }
}
