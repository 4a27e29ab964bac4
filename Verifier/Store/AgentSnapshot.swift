package import Appraisal
package import AssayCrypto

/// All that a session needs of an agent, as one snapshot of the store has it.
package struct AgentSnapshot: Sendable {
    /// Identity, policy's name, revocation.
    package let agent: Agent
    /// SHA-256 of the source of the policy that judges the agent now; nil if none is assigned.
    package let policyHash: Digest?
    /// Counts changes to the denied keys.
    package let denyGeneration: UInt64
    /// SHA-256 of the SubjectPublicKeyInfo of each denied key.
    package let deniedKeys: Set<Digest>
    /// Where attestation stands; nil before the first committed round.
    package let state: AttestationState?
    /// The same with keyrings and findings, for the appraiser to go on from; nil with `state`.
    package let appraisal: AppraisalState?
    /// The last verdict.
    package let verdict: Verdict?
    /// When that was found to be stamped later than now, in seconds since 1970; nil if it wasn't.
    package let withdrawnAt: Int64?
    /// The keys of its keyrings, or of its policy, that were denied or allowed since the state was judged.
    package let changedKeys: Set<Digest>
    /// What is kept of a log on its way; nil for nothing.
    package let keptScratch: KeptScratch?
    /// What an operator has asked for, and what no round has met yet.
    package let reattestation: Reattestation?
    /// Where that request's round can begin instead of at record 0; nil for nowhere.
    package let position: Outcome.Progress?
    /// A policy to be tried on its log, beside the one that judges it; whether the trial is over is the caller's to ask.
    package let trial: Trial?
    /// What an operator wants to be told of its log, and no round has answered yet; whether the request is over is the
    /// caller's to ask.
    package let learning: LearningRequest?

    /// What is kept of a log on its way.
    package enum KeptScratch: Sendable {
        /// It can be read; whether it can be gone on from is the session's to say.
        case usable(Scratch)
        /// It can't be read: it is to be dropped.
        case damaged(StoreError)
    }

    /// What is kept of a log on its way; nil for nothing, or nothing that can be read.
    package var scratch: Scratch? {
        guard case .usable(let scratch) = keptScratch else { return nil }
        return scratch
    }

    /// Whether the state was made under what holds now: the same attestation key and policy, no key of its own denied
    /// or allowed since, and nobody has asked for another. If not, the epoch's log is to be judged again from record 0.
    package var isStateCurrent: Bool {
        guard let state else { return false }
        return state.attestationKeyName == agent.attestationKeyName && state.policyHash == policyHash
            && changedKeys.isEmpty && reattestation == nil
    }

    /// The agent's line in a listing.
    package var summary: AgentSummary {
        var summary = AgentSummary(agent: agent, state: state, verdict: verdict)
        summary.deniedKeys = changedKeys.intersection(deniedKeys)
        summary.transfer = scratch?.transfer
        summary.reattestation = reattestation
        summary.withdrawnAt = withdrawnAt
        return summary
    }

    /// What an outcome of this session rests on.
    package var basis: Outcome.Basis {
        Outcome.Basis(
            attestationKeyName: agent.attestationKeyName, policyHash: policyHash, denyGeneration: denyGeneration,
            verdictNumber: verdict?.number ?? 0, stateNumber: state?.verdictNumber ?? 0,
            keyrings: appraisal?.keyrings ?? KeyringModel(), reattestation: reattestation?.number ?? 0)
    }
}
