package import Appraisal
import AssayCrypto
import IMA
import Logging
package import Store

/// A policy that is tried, loaded.
package struct TriedPolicy: Sendable {
    /// The trial that it answers.
    package let trial: Trial
    let policy: Policy
}

/// What a trial came to: of the records that the quote vouched for, what the tried policy would have said.
package struct TrialOutcome: Sendable {
    /// The trial that it answers.
    package let trial: Trial
    /// What the verdict would be.
    package let tier: Tier
    /// What it would rest on.
    package let findings: Findings
}

/// The same bytes as a round's, judged by a policy that is tried. It decides nothing, learns for itself alone, and nothing
/// of it is kept but what it found.
struct TrialAppraisal: ~Copyable, Sendable {
    private let trial: Trial
    private var appraiser: Appraiser

    /// Nil if there is no trial, or the round doesn't begin at record 0: then the tried policy would miss records.
    init?(_ plan: RoundPlan, options: AppraisalOptions, quote: QuotedPCRs) {
        guard let tried = plan.basis.trial, plan.firstRecord == 0 else { return nil }
        trial = tried.trial
        appraiser = Appraiser(policy: tried.policy, options: options, quote: quote)
    }

    /// Takes a shard that the round has appraised. Signatures that verified there are remembered, so that few are
    /// verified twice.
    mutating func take(_ records: Span<UInt8>) {
        _ = appraiser.appraise(records)
    }

    /// Ends the trial; nil if the log doesn't lead to the quote, which says nothing of a policy.
    consuming func finish() -> TrialOutcome? {
        let trial = trial
        let outcome = appraiser.finish()
        guard outcome.newState != nil else { return nil }
        return TrialOutcome(trial: trial, tier: outcome.tier, findings: outcome.findings)
    }
}

extension SessionServices {
    /// The policy that is to be tried on an agent's log now, if there is one.
    func tried(_ snapshot: AgentSnapshot) -> TriedPolicy? {
        guard let trial = snapshot.trial, trial.isUnderWay(at: time()) else { return nil }
        // The command has loaded it before it began; what can't be loaded here must not keep the agent from its verdict.
        return (try? policies.policy(of: trial)).map { TriedPolicy(trial: trial, policy: $0) }
    }
}

extension SessionDriver {
    /// Keeps what a trial came to, for the command that asked for it.
    func keepTrial(of outcome: RoundOutcome) async {
        guard let tried = outcome.trial else { return }
        let result = TrialResult(
            agent: agentID, appraisedRecords: outcome.nextRecord, assignedTier: outcome.tier,
            assignedHash: outcome.policyHash, tier: tried.tier, findings: tried.findings, givenAt: services.time())
        do throws(StoreError) {
            try await services.store.keep(result, of: tried.trial.number)
            logger.info("policy tried", metadata: ["policy": "\(tried.trial.policyName)", "tier": "\(tried.tier)"])
        } catch {
            logger.warning("what a trial came to is lost", metadata: ["error": "\(error)"])
        }
    }
}
