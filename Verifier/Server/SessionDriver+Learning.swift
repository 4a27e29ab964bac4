import Appraisal
import Logging
import Store
import TPM

extension SessionDriver {
    /// Keeps what the agent's log holds, for the command that asked for it.
    func keepLesson(of outcome: RoundOutcome) async {
        guard let request = outcome.learning else { return }
        let answer = LearningAnswer(
            outcome.lesson, resetCount: outcome.quote.clockInfo.resetCount, appraisedRecords: outcome.nextRecord,
            tier: outcome.tier, policyHash: outcome.policyHash, findings: outcome.findings, givenAt: services.time())
        do throws(StoreError) {
            try await services.store.keep(answer, to: request, of: agentID)
            logger.info("what the log holds is told", metadata: ["records": "\(outcome.nextRecord)"])
        } catch {
            logger.warning("what the log holds can't be told", metadata: ["error": "\(error)"])
        }
    }
}

extension RoundOutcome {
    /// What there is to be learned of it.
    var lesson: LearningAnswer.Lesson {
        guard let contents else { return .unproved }
        return contents.isWhole ? .contents(contents) : .tooLarge
    }
}
