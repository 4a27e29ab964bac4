import ArgumentParser
import Logging
import Settings
import Terminal

/// What all commands of the agent take.
struct AgentOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Configuration file.", valueName: "file"))
    var config = "/etc/assay/agent.yaml"

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel = "info"

    func read() async throws(CommandFailure) -> AgentConfiguration {
        do {
            return try await AgentConfiguration(file: config)
        } catch {
            throw .usage(error)
        }
    }

    /// What the configuration says of this host: enough where no verifier is needed.
    func readHost() async throws(CommandFailure) -> HostConfiguration {
        do {
            return try HostConfiguration(try await Settings(file: config, environmentPrefix: "ASSAY_AGENT"))
        } catch {
            throw .usage(error)
        }
    }

    func logger() throws(CommandFailure) -> Logger {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw CommandFailure(.usage, "--log-level is \"\(logLevel)\"; see --help for the levels")
        }
        var logger = Logger(label: "assay-agent") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }
}
