import Bytes
import Store
import Terminal

/// Asks an agent for what its log holds and waits for the answer, saying on a terminal how far it is.
struct LearningWait {
    let id: AgentID
    /// How long the agent is waited for while nothing comes.
    let seconds: Int
    let showsProgress: Bool

    /// The answer.
    ///
    /// - Throws: what to tell the operator if there is none in time, or nothing can be learned.
    func answer(in store: Store) async throws -> LearningAnswer {
        let request = try await store.requestLearning(of: id, at: currentTime(), lifetime: Int64(seconds))
        Output.notice(
            "\(id) is asked for its whole log: at once if it is connected, else when it connects in the next "
                + readableAge(Int64(seconds)))
        do {
            let answer = try await follow(request, in: store)
            try await store.endLearning(of: id)
            return answer
        } catch {
            try? await store.endLearning(of: id)
            throw error
        }
    }

    private func follow(_ request: LearningRequest, in store: Store) async throws -> LearningAnswer {
        var end = ContinuousClock.now + .seconds(seconds)
        var seen: UInt64?
        defer { show("") }
        while true {
            if let answer = try store.answer(to: request, of: id) { return answer }
            let snapshot = try store.snapshot(of: id)
            guard snapshot.agent.revokedAt == nil else {
                throw CommandFailure(.unavailable, "agent \(id) was revoked meanwhile: nothing is learned from it")
            }
            let transfer = snapshot.scratch?.transfer
            if let transfer, transfer.updatedAt >= request.requestedAt, transfer.recordsDone != seen {
                seen = transfer.recordsDone
                end = .now + .seconds(seconds)
            }
            let left = ContinuousClock.now.duration(to: end).components.seconds
            if let seen, let transfer {
                let count = "  \(readableCount(seen)) of \(readableCount(transfer.recordsTotal)) records"
                let bar = ProgressBar(beside: count.count + 2).line(done: seen, total: transfer.recordsTotal)
                show("  \(bar)\(count)")
            } else {
                show("  waiting for \(id): \(left) s left")
            }
            guard left >= 0, ContinuousClock.now < end else { throw silence(hasBegun: seen != nil) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func show(_ text: String) {
        if showsProgress { Output.transient(text) }
    }

    private func silence(hasBegun: Bool) -> CommandFailure {
        let what = hasBegun ? "the rest of its log has not come" : "it has not answered"
        return CommandFailure(
            .unavailable,
            "\(id): \(what) in \(readableAge(Int64(seconds))); see that the host is on and assay-agent run there "
                + "(systemctl status assay-agent; assay-agent attest --once says what is wrong), or wait longer with "
                + "--wait")
    }
}
