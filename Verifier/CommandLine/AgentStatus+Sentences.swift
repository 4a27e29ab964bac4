import Appraisal
import AssayCrypto
import Bytes
import Server
import Store
import TPM
import Terminal

extension AgentStatus {
    /// The agent in plain words: how it stands and why, how far its log is appraised, who judges it.
    ///
    /// - Parameter policyHash: what the policy's name stands for now.
    func sentences(policyHash: Digest?) -> [String] {
        var lines = [standingSentence]
        if let transfer { lines.append(sentence(transfer)) }
        if let request = summary.reattestation {
            lines.append(
                "Its log is to be appraised again from record \(request.firstRecord) on, as was asked for at "
                    + "\(readableTime(request.requestedAt)).")
        }
        if let verdict, case .seconds(let seconds)? = age {
            lines.append(
                "The last verdict is \(verdict.tier), for evidence of \(readableTime(verdict.challengedAt)), "
                    + "\(readableAge(seconds)) ago.")
        }
        if !summary.deniedKeys.isEmpty {
            lines.append(
                "It rests on \(summary.deniedKeys.count) of its keys that were denied since (\(Reason.keyDenied)): it no "
                    + "longer affirms, and all records will be judged again.")
        }
        if let position = summary.position {
            let excess = verdict?.excessRecords ?? 0
            lines.append(
                "\(readableCount(nextRecord)) records of boot epoch \(position.resetCount) are appraised, "
                    + "\(keys) key\(keys == 1 ? " was" : "s were") learned"
                    + (excess > 0 ? "; \(readableCount(excess)) more records came, and wait for the next quote." : "."))
        }
        lines.append("identity: \(identity.words)")
        lines.append("boot: \(boot)")
        lines.append(policySentence(policyHash))
        return lines
    }

    private func sentence(_ transfer: AgentFacts.Transfer) -> String {
        let remaining =
            "\(readableSize(transfer.bytesDone)) of its log are here; "
            + "\(readableCount(transfer.recordsRemaining)) records, "
            + "\(readableSize(transfer.bytesRemaining)), remain"
        guard let rate = transfer.bytesPerSecond, let seconds = transfer.secondsRemaining else {
            return remaining + "."
        }
        return remaining + ": at \(readableSize(rate)) a second for another "
            + "\(readableAge(Int64(clamping: seconds)))."
    }

    private var standingSentence: String {
        switch standing {
        case .current: currentSentence
        case .contraindicated(let reasons):
            "It is not to be trusted, because of " + counts(reasons) + "."
        case .behind(let transfer):
            "It is behind: a transfer is in progress, \(transfer.phrase) records are here."
        case .rebootSeen(let transfer):
            "The host has booted since its last verdict: the new log is on its way, \(transfer.phrase) records are here."
        case .unreachable(let stamp) where age == .inTheFuture:
            "It is unreachable: its last verdict, \(verdict?.tier ?? .none), is stamped \(readableTime(stamp)), in the "
                + "future when it was looked at, and doesn't stand: the verifier's clock was ahead, or is behind. See "
                + "`timedatectl` there; the next verdict of `assay-agent run` on the host stands again."
        case .unreachable(let since):
            "It is unreachable: no verdict since \(readableTime(since)). Is the host on, and does it run "
                + "`assay-agent run`? Silence is not distrust."
        case .neverAttested:
            "It was enrolled at \(readableTime(summary.enrolledAt)) and has never attested: start "
                + "`assay-agent run` on the host."
        case .revoked(let since):
            "It is revoked since \(readableTime(since)): its connections are refused."
        }
    }

    private var currentSentence: String {
        switch tier {
        case .affirming: "Its kernel has measured nothing that its policy doesn't allow."
        case .warning where verdict?.tier == .affirming:
            "A key that vouched for what its kernel has measured was denied."
        case .warning: "Its policy allows what its kernel has measured, but warns of " + counts(verdict?.warnings) + "."
        case .contraindicated: "It is not to be trusted, because of " + counts(verdict?.failures) + "."
        case .none: "Its log replays to its quote, but no policy has judged it."
        }
    }

    private func counts(_ reasons: [Reason: UInt64]?) -> String {
        (reasons ?? [:]).byName.phrase
    }

    private func policySentence(_ policyHash: Digest?) -> String {
        guard let policyName else {
            return "NO POLICY judges it: assay-verifier policy assign \(summary.id.shellWord) NAME"
        }
        guard let policyHash else {
            return
                "Its policy \(policyName) is not in the store: assay-verifier policy put \(shellQuoted(policyName.utf8)) FILE"
        }
        guard let verdict, verdict.policyHash != policyHash else { return "It is judged by policy \(policyName)." }
        let before = verdict.policyHash.map { "the policy of SHA-256 \($0)" } ?? "none"
        return "It is judged by policy \(policyName), which has changed since the last verdict, that was by \(before): "
            + "all records will be judged again."
    }
}
