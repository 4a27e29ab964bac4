import ArgumentParser
import Attester
import Bytes
import Logging
import Messages
import ServiceLifecycle
import Settings
import Terminal
import Transport
import UnixSignals

/// Attests for as long as the host runs.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Stay connected to the verifier and attest whenever it asks; for a service.",
        discussion: """
            SIGTERM and SIGINT end it. A connection that breaks is made again, after 1 to 60 seconds.
            """)

    @OptionGroup var options: AgentOptions
    @OptionGroup var logging: LoggingOptions

    @Flag(help: "Check the configuration and say what is in effect; exit 0, or 2 if it can't be used.")
    var check = false

    @Flag(help: "With --check: one JSON object a line.")
    var json = false

    func validate() throws {
        guard check || !json else { throw ValidationError("--json goes with --check; what `run` does is in its log") }
    }

    func run() async throws {
        if check { return try checkConfiguration() }
        let configuration = try options.read()
        let logger = logging.logger("assay-agent", configured: configuration.logLevel)
        let host = try await AgentHost(configuration)
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

extension RunCommand {
    private func checkConfiguration() throws(CommandFailure) {
        let settings = try options.settings()
        var table = Table(["SETTING", "VALUE", "FROM"])
        for line in settings.effective { table.append([line.setting, escaped(line.value.utf8), line.from]) }
        if json {
            for line in settings.effective { Output.line(try jsonLine(line)) }
        } else {
            Output.lines(table.lines)
        }
        let configuration = try options.read()
        _ = try configuration.tlsContext()
        if !json { Output.line("the configuration can be used; assay-agent doctor checks the host") }
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
        case .notice(let notice): logger.warning("\(notice)")
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
