import ArgumentParser
import Attester
import Shards
import Terminal

/// Streams the log.
struct CatShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat",
        abstract: "Write this boot's whole log, in the kernel's binary form and order, to standard output.",
        discussion: """
            What the kernel has logged since is stored first, which takes the TPM and the kernel's log; --stored writes \
            what is stored. Such as:

              assay-agent shards cat | evmctl ima_measurement /dev/stdin

            A verifier makes a policy of it, once the file is carried there; the host needn't have joined:

              assay-agent shards cat > trusted.log
            """)

    @OptionGroup var options: AgentOptions
    @OptionGroup var stored: StoredShardsOptions

    @Flag(name: .customLong("stored"), help: "Write what is stored; it needs neither root nor the TPM.")
    var isStoredOnly = false

    func run() async throws {
        let isOfOtherFolder = stored.directory != nil || stored.boot != nil
        guard isStoredOnly || isOfOtherFolder else { return try await writeLog() }
        let reader = try await stored.reader(options)
        do {
            try reader.forEachShard { Output.bytes($0) }
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    private func writeLog() async throws {
        let keeper = try await options.keeper()
        do {
            show(try await keeper.forEachPart { Output.bytes($0) })
        } catch {
            throw CommandFailure(.unavailable, "\(error)\n--stored writes what is stored without the kernel's log")
        }
    }
}
