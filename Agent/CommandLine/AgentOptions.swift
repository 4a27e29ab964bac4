import ArgumentParser
import Settings
import Terminal

/// What all commands of the agent take.
struct AgentOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Configuration file (default: /etc/assay/agent.yaml).", valueName: "file"),
        completion: .file())
    var config: String?

    @Option(
        help: ArgumentHelp(
            "A setting, over the file and the environment; assay-agent run --check lists them.", valueName: "key=value")
    )
    var set: [String] = []

    func settings() throws(CommandFailure) -> Settings {
        do {
            return try Settings(AgentSettings.schema, file: config, flags: set)
        } catch {
            throw .usage(error)
        }
    }

    /// What the configuration says of this host: enough where no verifier is needed.
    func readHost() throws(CommandFailure) -> HostConfiguration {
        do {
            return try HostConfiguration(try settings())
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage(error)
        }
    }

    func read() throws(CommandFailure) -> AgentConfiguration {
        do {
            return try AgentConfiguration(try settings())
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage(error)
        }
    }
}
