package import Logging
package import NIOCore

import ServiceLifecycle
import AssayCrypto
import Messages
import Store

package import Transport

/// The verifier at work: accepts agents' connections and runs a session on each.
package struct VerifierServer: Sendable {
    private let listener: AssayListener
    private let services: SessionServices
    private let logger: Logger
    private let sessions = SessionRegistry()
    private let joining = JoinGate()
    private let crowd: CrowdWatch
    private let strangers: StrangerLog

    /// Listens; nobody is served before `run`.
    ///
    /// - Parameter context: asked for each connection.
    package init(
        host: String, port: Int, context: @escaping @Sendable () -> TLSContext, group: any EventLoopGroup,
        services: SessionServices, logger: Logger
    ) async throws(TransportError) {
        self.services = services
        self.logger = logger
        let crowd = CrowdWatch(metrics: services.metrics, logger: logger)
        let strangers = StrangerLog(logger: logger)
        self.crowd = crowd
        self.strangers = strangers
        listener = try await AssayListener.bind(
            host: host, port: port, context: context, group: group, limits: TransportLimits().withinDescriptors,
            onCrowding: { crowd.see($0) }
        ) {
            strangers.log(.warning, "connection refused", ["peer": "\($0)", "error": "\($1)"])
            services.metrics.failed($1.status)
        }
    }

    /// The port that is listened on.
    package var port: Int { listener.port }

    /// Whether agents can connect.
    package var isListening: Bool { listener.isListening }

    /// What may keep agents from connecting, a sentence each; none if there is room.
    package var crowdWarnings: [String] { crowd.warnings() }

    /// Serves until a graceful shutdown, or until the task is cancelled.
    package func run() async {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await watchStore() }
                group.addTask { await forgetOldScratch() }
                for await connection in listener.connections {
                    group.addTask { await serve(connection) }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            Task { await listener.close() }
        }
    }

    private func serve(_ connection: VerifierConnection) async {
        switch connection.peer.applicationProtocol {
        case .attest: await attest(connection)
        case .join: await join(connection)
        }
    }

    private func attest(_ connection: VerifierConnection) async {
        guard let identity = connection.peer.identity, let id = try? AgentID(identity.bytes) else {
            return await refuse(connection, Status(.unauthenticated, "the certificate names no agent"))
        }
        var logger = logger
        logger[metadataKey: "agent"] = "\(id)"
        logger[metadataKey: "peer"] = "\(connection.peer.address)"
        // Nobody is disturbed before Hello: neither by a certificate that is no longer the agent's, nor by its doctor.
        if let status = refusal(of: id, connection, logger) {
            logger.notice("agent refused", metadata: ["status": "\(status)"])
            return await refuse(connection, status)
        }
        logger.info("agent connected")
        services.metrics.connected()
        defer { services.metrics.disconnected() }
        let session = OpenSession(connection)
        if let silent = sessions.enter(session, as: id) {
            await silent.dismiss(.takenOver(by: connection.peer.address))
        }
        await SessionDriver(
            session: session, agentID: id, sessions: sessions, services: services, logger: logger
        ).run()
        sessions.leave(session, as: id)
        session.end()
        logger.debug("session over")
    }

    private func join(_ connection: VerifierConnection) async {
        var logger = logger
        logger[metadataKey: "peer"] = "\(connection.peer.address)"
        guard let registrar = services.registrar else {
            let status = Status(
                .failedPrecondition,
                "this verifier enrols nobody by token: it has no authority (ca.*); see `assay-verifier init`")
            return await refuse(connection, status)
        }
        await JoinDriver(
            connection: connection, registrar: registrar, gate: joining, time: services.time,
            metrics: services.metrics, logger: logger, strangers: strangers
        ).run()
    }

    private func refuse(_ connection: VerifierConnection, _ status: Status) async {
        services.metrics.failed(status)
        await connection.close(sending: .status(status))
    }
}

// MARK: - Who is no longer welcome

extension VerifierServer {
    /// How often the store is asked whether a command has changed something.
    private static let watchInterval = Duration.seconds(1)

    /// How often logs on their way are looked for whose agents have not come back.
    private static let forgetInterval = Duration.seconds(3600)

    /// Sees to what a command has changed: ends the sessions of agents that were revoked or removed, and begins a round
    /// with those whose verdict was given under what no longer holds.
    private func watchStore() async {
        var seen: UInt64?
        while !Task.isCancelled {
            let generation = try? services.store.readGeneration()
            if let generation, seen != generation {
                seen = generation
                await endSessions()
                wakeSessions()
            }
            try? await Task.sleep(for: Self.watchInterval)
        }
    }

    private func endSessions() async {
        await withDiscardingTaskGroup { group in
            for (id, session) in sessions.all {
                guard let status = refusal(of: id, session.connection, logger) else { continue }
                logger.notice("session ended", metadata: ["agent": "\(id)", "status": "\(status)"])
                services.metrics.failed(status)
                group.addTask { await session.dismiss(status) }
            }
        }
    }

    /// A session that is in a round goes on: what changed is seen at its end.
    private func wakeSessions() {
        for (id, session) in sessions.all where (try? services.store.isRoundDue(for: id, at: services.time())) == true {
            session.alarm.ring()
        }
    }

    private func forgetOldScratch() async {
        while !Task.isCancelled {
            do throws(StoreError) {
                try await services.store.forgetScratch(
                    olderThan: services.settings.scratchSeconds, at: services.time())
                try await services.store.forgetLearning(at: services.time())
            } catch {
                logger.warning("old transfers, and requests, can't be forgotten", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.forgetInterval)
        }
    }

    private func refusal(of id: AgentID, _ connection: VerifierConnection, _ logger: Logger) -> Status? {
        do throws(StoreError) {
            return try Admission.refusal(of: id, certificate: connection.peer.certificate, in: services.store)
        } catch {
            logger.error("the agent's record can't be used", metadata: ["agent": "\(id)", "error": "\(error)"])
            return .unusableRecord(retryAfterSeconds: services.settings.roundSeconds)
        }
    }
}
