import AssayCrypto
import Enrolment
import Logging
import Messages
import Store
import TPM
import Transport

/// Carries one joining host's session out: messages in, actions on the registrar and the connection. It decides nothing.
struct JoinDriver {
    let connection: VerifierConnection
    let registrar: Registrar
    let time: @Sendable () -> Int64
    let metrics: ServerMetrics
    let logger: Logger

    /// Runs until the connection ends, one way or another. Never throws: whatever happens is logged.
    func run() async {
        var session = JoinSession(exporter: connection.peer.exporter)
        var isOpen = await perform(session.begin(), &session)
        var hasAsked = false
        do throws(TransportError) {
            while isOpen {
                guard let message = try await connection.receive() else {
                    // An agent first only looks who answers, and comes back once its TPM has made the keys.
                    logger.log(level: hasAsked ? .info : .debug, "the host hung up before it had joined")
                    await connection.close()
                    return
                }
                hasAsked = true
                isOpen = await perform(session.receive(message), &session)
            }
        } catch {
            logger.warning("joining failed", metadata: ["error": "\(error)"])
            metrics.failed(error.status)
            await connection.close(sending: .status(error.status))
        }
    }

    /// Carries actions out, in order, and those that follow from them; returns whether the session goes on.
    private func perform(_ actions: [JoinSession.Action], _ session: inout JoinSession) async -> Bool {
        var pending = actions[...]
        do {
            while let action = pending.popFirst() {
                switch action {
                case .expect(let awaited, let seconds): connection.setDeadline(.seconds(seconds), awaiting: awaited)
                case .find(let tokenHash):
                    pending += session.found(try registrar.secret(of: tokenHash), time: time())
                case .decide(let claim): pending += session.decided(try registrar.store.decide(claim))
                case .protect(let key, let name):
                    let secret = try randomBytes(32)
                    let credential = try Credential.protecting(secret, for: key, attestationKeyName: name)
                    pending += session.protected(secret, as: credential)
                case .send(let message): try await connection.send(message)
                case .enrol(let applicant, let id):
                    connection.clearDeadline()
                    pending += session.enrolled(
                        try await registrar.enrol(applicant.claim, as: id, for: applicant.request.publicKey))
                case .note(let refused): await note(refused)
                case .finish(let id):
                    logger.notice("agent joined", metadata: ["agent": "\(id)"])
                    await connection.close()
                    return false
                case .close(let status, let isSent):
                    logger.notice(
                        "joining refused", metadata: ["status": "\(status)", "by": isSent ? "us" : "the host"])
                    metrics.failed(status)
                    await connection.close(sending: isSent ? .status(status) : nil)
                    return false
                }
            }
            return true
        } catch {
            logger.error("a host can't join", metadata: ["error": "\(error)"])
            let status = Status(
                .unavailable, "the verifier can't enrol a host now, and its log says why; try again later")
            metrics.failed(status)
            await connection.close(sending: .status(status))
            return false
        }
    }
    /// The host is refused whether its agent's history has room or not.
    private func note(_ refused: RefusedJoin) async {
        do throws(StoreError) {
            try await registrar.store.note(refused)
        } catch {
            logger.error("a refused join is not in the agent's history", metadata: ["error": "\(error)"])
        }
    }
}
