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
    let gate: JoinGate
    let time: @Sendable () -> Int64
    let metrics: ServerMetrics
    let logger: Logger
    /// Where it is logged what hosts do that haven't proved that they know a token.
    let strangers: StrangerLog

    /// What a driver keeps between actions.
    private struct Pass {
        var session: JoinSession
        /// The host has proved that it knows a token, and has a place at the gate.
        var isAdmitted = false
    }

    /// Runs until the connection ends, one way or another. Never throws: whatever happens is logged.
    func run() async {
        var pass = Pass(session: JoinSession(exporter: connection.peer.exporter))
        defer { if pass.isAdmitted { gate.leave() } }
        var isOpen = await perform(pass.session.begin(), &pass)
        var hasAsked = false
        do throws(TransportError) {
            while isOpen {
                guard let message = try await connection.receive() else {
                    // An agent first only looks who answers, and comes back once its TPM has made the keys.
                    log(hasAsked ? .info : .debug, "the host hung up before it had joined", [:], pass)
                    await connection.close()
                    return
                }
                hasAsked = true
                isOpen = await perform(pass.session.receive(message), &pass)
            }
        } catch .cancelled {
            await connection.close(sending: .status(.verifierStops))
        } catch {
            log(.warning, "joining failed", ["error": "\(error)"], pass)
            metrics.failed(error.status)
            await connection.close(sending: .status(error.status))
        }
    }

    private static let full = Status(
        .resourceExhausted, "too many hosts are joining at once; try again", retryAfterSeconds: 10)

    private func log(_ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata, _ pass: Pass) {
        if pass.isAdmitted { return logger.log(level: level, message, metadata: metadata) }
        strangers.log(level, message, metadata.merging(["peer": "\(connection.peer.address)"]) { own, _ in own })
    }

    /// Carries actions out, in order, and those that follow from them; returns whether the session goes on.
    private func perform(_ actions: [JoinSession.Action], _ pass: inout Pass) async -> Bool {
        var pending = actions[...]
        do {
            while let action = pending.popFirst() {
                switch action {
                case .expect(let awaited, let seconds): connection.setDeadline(.seconds(seconds), awaiting: awaited)
                case .find(let tokenHash):
                    pending += pass.session.found(try registrar.secret(of: tokenHash), time: time())
                case .admit:
                    guard gate.enter() else {
                        pending = [.close(Self.full, send: true)]
                        continue
                    }
                    pass.isAdmitted = true
                    connection.admit()
                case .decide(let claim): pending += pass.session.decided(try registrar.store.decide(claim))
                case .protect(let key, let name):
                    let secret = Secret(try randomBytes(32))
                    let credential = try Credential.protecting(secret, for: key, attestationKeyName: name)
                    pending += pass.session.protected(secret, as: credential)
                case .send(let message): try await connection.send(message)
                case .enrol(let applicant, let id):
                    connection.clearDeadline()
                    pending += pass.session.enrolled(
                        try await registrar.enrol(applicant.claim, as: id, for: applicant.request.publicKey))
                case .note(let refused): await note(refused)
                case .finish(let id):
                    logger.notice("agent joined", metadata: ["agent": "\(id)"])
                    for other in (try? registrar.store.agentsDifferingInCase(from: id)) ?? [] {
                        logger.warning(
                            "two agents' ids differ in the case of letters only",
                            metadata: ["agent": "\(id)", "other": "\(other)"])
                    }
                    await connection.close()
                    return false
                case .close(let status, let isSent):
                    log(.notice, "joining refused", ["status": "\(status)", "by": isSent ? "us" : "the host"], pass)
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
