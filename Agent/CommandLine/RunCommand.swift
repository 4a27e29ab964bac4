import ArgumentParser
import Attester
import Bytes
import Logging
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
            Output.bytes(table.text())
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
            let log = EventLog(logger: logger)
            try await attester.readLog(observe: log.write)
            let connection = try await host.connect()
            logger.info("connected", metadata: ["verifier": "\(connection.peer.address)"])
            let last = try await attester.attest(
                over: connection, once: false, renewal: host.renewal, observe: log.write)
            logger.info("the verifier has closed the connection")
            return last != nil
        } catch let error as AttesterError where error.code == .tpmUnusable {
            throw error
        } catch {
            // Who ends the service knows that it attests no more.
            if !Task.isCancelled { logger.warning("not attested", metadata: ["error": "\(error)"]) }
            return false
        }
    }
}
