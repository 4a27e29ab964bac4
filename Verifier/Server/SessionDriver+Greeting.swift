import Logging
import Messages
import Store
import Transport

// What an agent's first message asks for: that it be judged on this connection, or how it stands.
extension SessionDriver {
    /// Makes this connection the agent's, and ends the one that was so far; or closes this one, if the agent has brought
    /// about too many rounds.
    func takeOver(_ pass: inout Pass) async {
        if let status = refusalOfRound() {
            logger.notice("agent refused", metadata: ["status": "\(status)"])
            services.metrics.failed(status)
            return await close(status, &pass)
        }
        guard let older = sessions.greet(session, as: agentID) else { return }
        logger.notice(
            "this connection takes over from an older one", metadata: ["older": "\(older.connection.peer.address)"])
        await older.dismiss(.takenOver(by: connection.peer.address))
        // What it has received so far need not be sent again.
        await older.waitForEnd()
    }

    /// The status for an agent that has brought about too many rounds; nil if another may begin.
    private func refusalOfRound() -> Status? {
        guard let seconds = services.allowance.wait(of: agentID) else { return nil }
        if let request = (try? services.store.snapshot(of: agentID))?.reattestation,
            services.allowance.excuses(agentID, for: request.number)
        {
            return nil
        }
        return Status(
            .resourceExhausted,
            "agent \(agentID) has had itself judged too often; try again in \(seconds) s, or keep one connection open "
                + "(assay-agent run): the verifier begins a round on it every \(services.settings.roundSeconds) s",
            retryAfterSeconds: UInt32(clamping: seconds))
    }

    /// Answers an agent that asks instead of attesting: nothing is written down, and its other connection goes on.
    func tellStanding(_ pass: inout Pass) async {
        let status = standing()
        logger.info("agent asked how it stands", metadata: ["status": "\(status)"])
        await close(status, &pass)
    }

    private func standing() -> Status {
        do throws(StoreError) {
            let certificate = connection.peer.certificate
            if let refusal = try Admission.refusal(of: agentID, certificate: certificate, in: services.store) {
                return refusal
            }
            return Status(
                ofStanding: try services.store.snapshot(of: agentID), at: services.time(),
                maximumAge: services.settings.maximumAge)
        } catch {
            logger.error("the agent's record can't be used", metadata: ["error": "\(error)"])
            return .unusableRecord(retryAfterSeconds: services.settings.roundSeconds)
        }
    }
}
