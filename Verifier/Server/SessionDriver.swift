import Appraisal
import AssayCrypto
import Enrolment
import Logging
import Messages
import Store
import TPM
import Transport

/// Carries one connection's session out: messages in, actions on the store and the connection.
///
/// It decides nothing. It runs on the task pool, never on an event loop: an appraisal may take its time.
struct SessionDriver {
    let session: OpenSession
    let agentID: AgentID
    /// Those of all agents.
    let sessions: SessionRegistry
    let services: SessionServices
    let logger: Logger

    var connection: VerifierConnection { session.connection }

    /// Runs until the connection ends, one way or another. Never throws: whatever happens is logged.
    func run() async {
        var session = VerifierSession(
            agentID: agentID.bytes, exporter: connection.peer.exporter,
            certificate: connection.peer.certificate?.fingerprint,
            // An end that can't be read is none that one could rely on.
            certificateEnd: connection.peer.certificate.map { $0.notAfter ?? .min }, settings: services.settings)
        var pass = Pass(scratch: scratchWriter())
        await perform(session.begin(), &session, &pass)
        do throws(TransportError) {
            while !pass.isClosed {
                guard let message = try await nextMessage(&session, &pass) else { continue }
                await perform(session.receive(message, time: services.time()), &session, &pass)
            }
        } catch .cancelled {
            await connection.close(sending: .status(.verifierStops))
        } catch {
            if !self.session.wasDismissed {
                logger.warning("connection failed", metadata: ["error": "\(error)"])
                services.metrics.failed(error.status)
                await connection.close(sending: .status(error.status))
            }
        }
        await pass.scratch.end()
    }

    /// What a driver keeps between actions.
    struct Pass {
        /// Writes what is known of a log on its way.
        let scratch: ScratchWriter
        /// What the round's basis was read from, for the commit.
        var snapshot: AgentSnapshot?
        /// When the next round is due; nil while a message is.
        var nextRound: ContinuousClock.Instant?
        /// When the round was challenged.
        var challenged = ContinuousClock.now
        /// Whether a round was committed on this connection: the first one is of the agent's making, for it connected.
        var hasCommitted = false
        var isClosed = false
    }

    /// A message; nil if the round that was waited for is due, or the agent has hung up.
    private func nextMessage(
        _ session: inout VerifierSession, _ pass: inout Pass
    ) async throws(TransportError) -> AgentMessage? {
        guard let nextRound = pass.nextRound else { return try await receive(&pass) }
        switch await race(until: nextRound) {
        case .message(let message): return message  // a late shard of the round that is over: the wait goes on
        case .hungUp:
            pass.isClosed = true
            return nil
        case .due:
            guard !Task.isCancelled else { throw .cancelled }
            pass.nextRound = nil
            await perform(session.roundDue(), &session, &pass)
            return nil
        case .failure(let error): throw error
        }
    }

    private func receive(_ pass: inout Pass) async throws(TransportError) -> AgentMessage? {
        guard let message = try await connection.receive() else {
            logger.info("agent hung up")
            await connection.close()
            pass.isClosed = true
            return nil
        }
        return message
    }

    private enum Race: Sendable {
        case message(AgentMessage)
        case hungUp
        case due
        case failure(TransportError)
    }

    /// A message or the time, whichever comes first. A cancelled `receive` leaves the connection as it was.
    private func race(until nextRound: ContinuousClock.Instant) async -> Race {
        await withTaskGroup(of: Race.self) { group in
            group.addTask {
                do throws(TransportError) {
                    return try await connection.receive().map(Race.message) ?? .hungUp
                } catch {
                    return error == .cancelled ? .due : .failure(error)
                }
            }
            group.addTask {
                await session.alarm.sleep(until: nextRound)
                return .due
            }
            let first = await group.next() ?? .due
            group.cancelAll()
            guard case .due = first, let second = await group.next() else { return first }
            return second
        }
    }
}

extension SessionDriver {
    /// Carries actions out, in order, and those that follow from them.
    private func perform(
        _ actions: [VerifierSession.Action], _ session: inout VerifierSession, _ pass: inout Pass
    ) async {
        var pending = actions[...]
        while let action = pending.popFirst(), !pass.isClosed {
            switch action {
            case .send(let message): await send(message, &pass)
            case .takeOver: await takeOver(&pass)
            case .tellStanding: await tellStanding(&pass)
            case .load: pending += await load(&session, &pass)
            case .verify(let signatures):
                pending += session.verified(await signatures.verifiedOnTaskPool(), time: services.time())
            case .renew(let request): await renew(request, &pass)
            case .remember(let scratch): pass.scratch.take(scratch)
            case .forgetScratch(let record): await forgetScratch(ledAstrayAt: record, pass)
            case .commit(let outcome): pending += await commit(outcome, &session, &pass)
            case .expect(let awaited, let seconds): connection.setDeadline(.seconds(seconds), awaiting: awaited)
            case .wait(let seconds):
                connection.clearDeadline()
                pass.nextRound = .now + .seconds(seconds)
            case .note(let note): log(note)
            case .close(let status, let isSent):
                logger.notice("connection ended", metadata: ["status": "\(status)", "by": isSent ? "us" : "the agent"])
                services.metrics.failed(status)
                await close(isSent ? status : nil, &pass)
            }
        }
    }

    private func send(_ message: VerifierMessage, _ pass: inout Pass) async {
        do throws(TransportError) {
            try await connection.send(message)
        } catch .closed {
            // What the agent said before it hung up, or why the connection broke, comes out of `receive`.
        } catch {
            logger.warning("sending failed", metadata: ["message": "\(message.kind)", "error": "\(error)"])
            connection.abort()
            pass.isClosed = true
        }
    }

    private func load(_ session: inout VerifierSession, _ pass: inout Pass) async -> [VerifierSession.Action] {
        // What rang before is in what is read now.
        self.session.alarm.quiet()
        do {
            let snapshot = try services.store.snapshot(of: agentID)
            guard snapshot.agent.revokedAt == nil else {
                return [
                    .close(Status(.permissionDenied, "this agent is revoked; ask the verifier's operator"), send: true)
                ]
            }
            let basis = try services.basis(snapshot)
            pass.snapshot = snapshot
            pass.challenged = .now
            pass.scratch.begin()
            if case .damaged(let error) = snapshot.keptScratch {
                logger.error("what was kept of a broken transfer is damaged", metadata: ["error": "\(error)"])
                await forgetScratch(ledAstrayAt: nil, pass)
            }
            return session.loaded(basis, nonce: try randomBytes(32), time: services.time())
        } catch let error as StoreError where error.code == .notFound {
            let remedy = "add it on the verifier: assay-verifier agents add \(agentID.shellWord)"
            return [.close(Status(.permissionDenied, "agent \(agentID) is not enrolled; \(remedy)"), send: true)]
        } catch let error as QuoteError {
            logger.error("the agent's attestation key is refused", metadata: ["error": "\(error)"])
            let refusal = "the enrolled attestation key is refused: \(error); \(error.remedy)"
            return [.close(Status(.failedPrecondition, refusal), send: true)]
        } catch {
            logger.error("the agent's record can't be used", metadata: ["error": "\(error)"])
            return [.close(.unusableRecord(retryAfterSeconds: services.settings.roundSeconds), send: true)]
        }
    }

    /// Whatever is wrong with it, the session goes on: the agent has a third of its certificate's life to ask again.
    private func renew(_ request: RenewRequest, _ pass: inout Pass) async {
        guard let registrar = services.registrar, let current = connection.peer.certificate else {
            return await send(.certificateIssued(.none(for: agentID)), &pass)
        }
        do {
            let issued = try await registrar.renew(request, of: agentID, current: current, at: services.time())
            if !issued.certificates.isEmpty { logger.info("certificate renewed") }
            await send(.certificateIssued(issued), &pass)
        } catch {
            logger.error("certificate not renewed", metadata: ["error": "\(error)"])
            await send(.certificateIssued(.refused(Status(notRenewed: error), for: agentID)), &pass)
        }
    }

    private func commit(
        _ outcome: RoundOutcome, _ session: inout VerifierSession, _ pass: inout Pass
    ) async -> [VerifierSession.Action] {
        guard let snapshot = pass.snapshot else { return session.committed(false) }
        let stored = outcome.stored(for: snapshot, at: services.time())
        let began = ContinuousClock.now
        do throws(StoreError) {
            let result = try await services.store.commit(stored)
            services.metrics.waited(forCommit: .now - began)
            switch result {
            case .committed(let number):
                pass.scratch.clear()
                if !pass.hasCommitted { services.allowance.spend(agentID) }
                pass.hasCommitted = true
                services.metrics.committed(outcome, roundTime: .now - pass.challenged)
                services.onVerdict(agentID, stored.verdict)
                log(outcome, number: number)
                await keepTrial(of: outcome)
                await keepLesson(of: outcome)
                return session.committed(true)
            case .conflict(let conflict):
                logger.notice("nothing committed", metadata: ["conflict": "\(conflict)"])
                return session.committed(false)
            }
        } catch {
            logger.error("nothing committed", metadata: ["error": "\(error)"])
            let seconds = UInt32(services.settings.roundSeconds)
            return [
                .close(
                    Status(.unavailable, "the verifier can't store a verdict now", retryAfterSeconds: seconds),
                    send: true)
            ]
        }
    }

    func close(_ status: Status?, _ pass: inout Pass) async {
        await connection.close(sending: status.map(VerifierMessage.status))
        pass.isClosed = true
    }
}

extension Status {
    /// What every agent is told when the verifier ends.
    static let verifierStops = Status(.unavailable, "the verifier is being stopped, or started anew")

    /// What an agent is told whose certificate another connection was made with.
    static func takenOver(by address: String) -> Status {
        Status(
            .aborted,
            "a newer connection of this agent took over, from \(address): unless somebody ran assay-agent attest, another "
                + "assay-agent runs with this host's certificate; end it")
    }

    /// Why a certificate isn't renewed: the agent is told of its own fault, and the verifier's log has the verifier's.
    fileprivate init(notRenewed error: any Error) {
        if let error = error as? EnrolmentError, error.code == .badRequest {
            self.init(.invalidArgument, "\(error)")
        } else {
            self.init(.unavailable, "the verifier can't issue a certificate now; its log says why")
        }
    }
}
