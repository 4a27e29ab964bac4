package import Logging
package import NIOCore

import ServiceLifecycle
import Messages
import Store

package import Transport

/// The verifier at work: accepts agents' connections and runs a session on each.
package struct VerifierServer: Sendable {
    private let listener: AssayListener
    private let services: SessionServices
    private let logger: Logger
    private let sessions = SessionRegistry()

    /// Listens; nobody is served before `run`.
    package init(
        host: String, port: Int, context: TLSContext, group: any EventLoopGroup, services: SessionServices,
        logger: Logger
    ) async throws(TransportError) {
        self.services = services
        self.logger = logger
        listener = try await AssayListener.bind(host: host, port: port, context: context, group: group) {
            logger.warning("connection refused", metadata: ["peer": "\($0)", "error": "\($1)"])
            services.metrics.failed($1.status)
        }
    }

    /// The port that is listened on.
    package var port: Int { listener.port }

    /// Whether agents can connect.
    package var isListening: Bool { listener.isListening }

    /// Serves until a graceful shutdown, or until the task is cancelled.
    package func run() async {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await connection in listener.connections {
                    group.addTask { await serve(connection) }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            Task {
                await listener.close()
                sessions.closeAll()
            }
        }
    }

    private func serve(_ connection: VerifierConnection) async {
        guard let identity = connection.peer.identity, let id = try? AgentID(identity.bytes) else {
            let status = Status(.unauthenticated, "the certificate names no agent")
            services.metrics.failed(status)
            await connection.close(sending: .status(status))
            return
        }
        var logger = logger
        logger[metadataKey: "agent"] = "\(id)"
        logger[metadataKey: "peer"] = "\(connection.peer.address)"
        logger.info("agent connected")
        services.metrics.connected()
        defer { services.metrics.disconnected() }
        if let older = sessions.enter(connection, as: id) {
            logger.notice("this connection takes over from an older one")
            await older.close(sending: .status(.init(.aborted, "a newer connection of this agent took over")))
        }
        await SessionDriver(connection: connection, agentID: id, services: services, logger: logger).run()
        sessions.leave(connection, as: id)
    }
}
