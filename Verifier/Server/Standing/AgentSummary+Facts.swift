package import Appraisal
package import Store
import TPM

extension AgentSummary {
    /// What the agent's state follows from.
    package var facts: AgentFacts {
        AgentFacts(
            revokedAt: revokedAt, verdict: verdict, withdrawnAt: withdrawnAt, deniedKeys: deniedKeys,
            transfer: transfer.map { .init($0, isNewEpoch: isNewEpoch($0)) })
    }

    private func isNewEpoch(_ transfer: LogTransfer) -> Bool {
        position.map { $0.resetCount != transfer.resetCount } ?? false
    }

    /// The tier that the agent has now; see ``AgentFacts/tier(at:maximumAge:)``.
    package func tier(at time: Int64, maximumAge: Int64) -> Tier {
        facts.tier(at: time, maximumAge: maximumAge)
    }

    /// How long ago the last verdict's Challenge was; nil before the first verdict.
    package func age(at time: Int64) -> Age? { facts.age(at: time) }
}

extension AgentFacts.Transfer {
    fileprivate init(_ transfer: LogTransfer, isNewEpoch: Bool) {
        let seconds = UInt64(max(0, transfer.updatedAt.subtractingReportingOverflow(transfer.beganAt).partialValue))
        let bytes = transfer.bytesDone - min(transfer.bytesBefore, transfer.bytesDone)
        self.init(
            recordsDone: transfer.recordsDone, recordsTotal: transfer.recordsTotal, isNewEpoch: isNewEpoch,
            updatedAt: transfer.updatedAt, bytesDone: transfer.bytesDone, bytesTotal: transfer.bytesTotal,
            bytesPerSecond: seconds > 0 ? bytes / seconds : nil)
    }
}
