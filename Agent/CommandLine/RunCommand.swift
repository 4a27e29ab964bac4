import ArgumentParser
import Attester
import Bytes
import Logging
import Messages
import ServiceLifecycle
import Settings
import Terminal
import Transport

/// Attests for as long as the host runs.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Stay connected to the verifier and attest whenever it asks; for a service.",
        discussion: """
            SIGTERM, SIGINT and SIGHUP end it. A connection that breaks is made again, after 1 to 60 seconds, or later if the \
            verifier asks for that.
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
        if let exposed = configuration.exposedKey { logger.warning("\(exposed)") }
        let host = try await AgentHost(configuration) { logger.notice("\($0)") }
        let claim = try host.claim()
        defer { withExtendedLifetime(claim) {} }
        let service = AgentService(host: host, attester: try host.attester(), logger: logger)
        let group = ServiceGroup(services: [service], logger: logger)
        do {
            try await Interruption.handled(by: group.triggerGracefulShutdown) { try await group.run() }
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
            Output.table(table)
        }
        let configuration = try options.read()
        _ = try configuration.tlsContext()
        if let exposed = configuration.exposedKey { Output.notice("warning: \(exposed)") }
        if !json { Output.line("the configuration can be used; assay-agent doctor checks the host") }
    }
}

/// Connects, attests, and connects again when the connection breaks.
private struct AgentService: Service, CustomStringConvertible {
    let host: AgentHost
    let attester: Attester
    let logger: Logger
    let description = "attestation"

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var backoff = Backoff()
            while !Task.isCancelled {
                let end = try await connectAndAttest()
                let wait = backoff.wait(
                    gaveVerdict: end.gaveVerdict, refusal: end.refusal, chance: Double.random(in: 0...1))
                try? await Task.sleep(for: wait)
            }
        }
    }

    /// How a connection ended, or that there was none.
    private struct End {
        var gaveVerdict = false
        /// What the verifier ended it with.
        var refusal: Status?
    }

    /// - Throws: when the TPM fails: a connection to it that broke stays broken, and the service manager starts anew.
    private func connectAndAttest() async throws -> End {
        let log = EventLog(logger: logger)
        do {
            try await attester.readLog(observe: log.write)
            let connection = try await host.connect()
            logger.info("connected", metadata: ["verifier": "\(connection.peer.address)"])
            _ = try await attester.attest(
                over: connection, once: false, renewal: host.renewal, endsWhenRenewed: true, observe: log.write)
            logger.info("the connection is closed")
            return End(gaveVerdict: log.hasVerdict)
        } catch let error as AttesterError where error.code == .tpmUnusable {
            throw error
        } catch {
            let refusal = (error as? AttesterError)?.refusal
            if Task.isCancelled {
                logger.info("stopped")
            } else {
                // A verifier that says that it is busy, or being started anew, is no cause for worry.
                logger.log(
                    level: refusal?.advice == .comeBack ? .notice : .warning, "not attested",
                    metadata: ["error": "\(error)"])
            }
            // One that has lasted has brought verdicts before it broke.
            return End(gaveVerdict: log.hasVerdict, refusal: refusal)
        }
    }
}
