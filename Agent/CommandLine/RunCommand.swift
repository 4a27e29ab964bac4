import ArgumentParser
import Attester
import Bytes
import Logging
import Messages
import ServiceLifecycle
import Terminal
import Transport
import UnixSignals

/// Attests for as long as the host runs.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Stay connected to the verifier and attest whenever it asks; for a service.")

    @OptionGroup var options: AgentOptions

    func run() async throws {
        let logger = try options.logger()
        let host = try await AgentHost(try await options.read())
        let service = AgentService(host: host, attester: try host.attester(), logger: logger)
        let group = ServiceGroup(
            services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        do {
            try await group.run()
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }
}

/// Connects, attests, and connects again when the connection breaks.
private struct AgentService: Service {
    let host: AgentHost
    let attester: Attester
    let logger: Logger

    private static let longestPause = 60.0

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var pause = 1.0
            while !Task.isCancelled {
                if try await connectAndAttest() { pause = 1 }
                // Spread, so that a fleet does not come back in one moment.
                try? await Task.sleep(for: .seconds(pause * Double.random(in: 0.5...1.5)))
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    /// Returns whether there was a verdict.
    ///
    /// - Throws: when the TPM fails: a connection to it that broke stays broken, and the service manager starts anew.
    private func connectAndAttest() async throws -> Bool {
        do {
            let connection = try await host.connect()
            logger.info("connected", metadata: ["verifier": "\(connection.peer.address)"])
            let logger = logger
            let last = try await attester.attest(
                over: connection, once: false, renewal: host.renewal
            ) { log($0, to: logger) }
            logger.info("the verifier has closed the connection")
            return last != nil
        } catch let error as AttesterError where error.code == .tpmUnusable {
            throw error
        } catch {
            logger.warning("not attested", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func log(_ event: Attester.Event, to logger: Logger) {
        switch event {
        case .challenged(let first): logger.info("challenged", metadata: ["first_record": "\(first)"])
        case .progress(let progress):
            logger.debug(
                "shard sent",
                metadata: [
                    "records": "\(progress.recordsSent)", "of": "\(progress.recordsTotal)",
                    "bytes": "\(progress.bytesSent)", "more_data_pending": "\(progress.moreDataPending)",
                ])
        case .verdict(let result):
            let counts = result.findingCounts.map { "\($0.reason)=\($0.count)" }.joined(separator: " ")
            logger.log(
                level: result.tier == .contraindicated ? .error : .info, "verdict",
                metadata: [
                    "tier": "\(result.tier)", "next_record": "\(result.nextRecord)",
                    "records": "\(result.recordsAppraised)", "findings": "\(escaped(counts.utf8))",
                    "identity": "\(escaped(result.identity.utf8))",
                ])
        case .renewal(.success(let issued)):
            if issued.certificates.isEmpty {
                logger.warning("the agent's certificate ends soon, and its own authority must renew it")
            } else {
                logger.notice("the agent's certificate was renewed")
            }
        case .renewal(.failure(let failure)):
            logger.error(
                "the agent's certificate was not renewed", metadata: ["error": "\(escaped(failure.description.utf8))"])
        }
    }
}
