import ArgumentParser
import Attester
import Settings
import SystemPackage
import Terminal

/// Changes what takes more than a line in the configuration.
struct ConfigureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configure",
        abstract: "Let the service free the kernel's copy of the log, or not.",
        discussion: """
            --trim staged sets `trim` in the configuration and writes a drop-in for assay-agent.service, which gives the \
            service what that takes: CAP_SYS_ADMIN, and securityfs to write to. --trim off takes both back. Run it as \
            root. Other settings are lines of the configuration; `assay-agent run --check` lists them.
            """)

    @Option(help: "Whether the kernel's records are freed once they are stored (Linux 7.2 and later).")
    var trim: TrimWord

    @Option(
        help: ArgumentHelp("The configuration file, which `assay-agent join` made.", valueName: "file"),
        completion: .file())
    var config = AgentSettings.schema.defaultFile

    @Option(help: ArgumentHelp("Where the host's own units are.", valueName: "folder"), completion: .directory)
    var units = "/etc/systemd/system"

    @Flag(help: "One JSON object on one line.")
    var json = false

    private struct Configured: Encodable {
        let trim: String
        let configuration: String
        /// Where the drop-in is, or was.
        let dropIn: String
        /// Whether the running kernel can free its records.
        let isStaging: Bool
    }

    func run() async throws {
        let trimming = TrimmingConfiguration(file: config, units: units)
        let logPath: String
        do {
            try trimming.set(trim)
            logPath = try trimming.logPath()
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.unavailable(error)
        }
        let isStaging = HostFiles(path: FilePath(logPath)).exists(.staged)
        if json {
            return Output.line(
                try jsonLine(
                    Configured(
                        trim: trim.rawValue, configuration: config, dropIn: trimming.dropIn, isStaging: isStaging)))
        }
        Output.line("trim: \(trim.rawValue) in \(config)")
        Output.line(trim == .staged ? "wrote \(trimming.dropIn)" : "removed \(trimming.dropIn)")
        if trim == .staged, !isStaging {
            Output.notice(
                "notice: this kernel can't free its log's records: that takes Linux 7.2 with CONFIG_IMA_STAGING. The agent "
                    + "will, under a kernel that can")
        }
        Output.line("Next:")
        Output.line("  systemctl daemon-reload")
        Output.line("  systemctl restart assay-agent")
    }
}

extension TrimWord: ExpressibleByArgument {}
