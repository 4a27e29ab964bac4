import ArgumentParser
import Attester
import Shards
import SystemPackage
import TPMDevice
import Terminal

/// Work with the shards that this host's measurement log is kept in.
struct ShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards",
        abstract: "Keep, show and check this host's measurement log in shards.",
        discussion: """
            The folder is the one that /etc/ima-shards.conf names, else /var/lib/ima-shards; shards.directory in the \
            agent's configuration is stronger. shards.md of the documentation has the format.
            """,
        subcommands: [
            SnapshotShardsCommand.self, ListShardsCommand.self, CatShardsCommand.self, VerifyShardsCommand.self,
            CleanShardsCommand.self,
        ])
}

/// What the subcommands have in common.
extension AgentOptions {
    /// The keeper of this host's log.
    func keeper() async throws(CommandFailure) -> LogKeeper {
        let host = try readHost()
        do {
            return LogKeeper(
                device: try await TPMDevice.open(tcti: host.tcti, tell: Output.notice), logPath: host.logPath,
                settings: host.shards)
        } catch {
            throw .unavailable(error)
        }
    }
}

/// Options of what needs neither the TPM nor the kernel's log.
struct StoredShardsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The folder of all boots' shards, in place of the configured one.", valueName: "path"),
        completion: .directory)
    var directory: String?

    @Option(help: ArgumentHelp("The boot, as its folder is called; the newest, unless given.", valueName: "boot"))
    var boot: String?

    func reader(_ options: AgentOptions) async throws(CommandFailure) -> ShardReader {
        let root: FilePath
        if let directory { root = FilePath(directory) } else { root = try options.readHost().shards.directory }
        let epoch = boot.map { BootEpoch(folder: $0) }
        if case .some(nil) = epoch {
            throw CommandFailure(.usage, "--boot takes ten digits, as `ls \(root)` shows them")
        }
        do {
            return try ShardReader(root: root, epoch: epoch ?? nil)
        } catch {
            throw .unavailable(error)
        }
    }
}

/// Prints what is noteworthy to standard error.
func show(_ notices: [LogNotice]) {
    for notice in notices { Output.notice("notice: \(notice)") }
}
