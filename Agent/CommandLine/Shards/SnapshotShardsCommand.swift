import ArgumentParser
import Attester
import Shards
import Terminal

/// Stores what is new in the kernel's log.
struct SnapshotShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Store what the kernel's log has that the shards lack.",
        discussion: "With trim: staged the kernel's records are freed once they are on the disk.")

    @OptionGroup var options: AgentOptions

    @Flag(help: "Print what was done as one line of JSON.")
    var json = false

    private struct Report: Encodable {
        let boot: String
        let records: UInt64
        let new: UInt64
        let notices: [String]
    }

    func run() async throws {
        do {
            let snapshot = try await options.keeper().snapshot()
            let new = snapshot.records - min(snapshot.recordsBefore, snapshot.records)
            if json {
                try printJSON(
                    Report(
                        boot: snapshot.epoch.folder, records: snapshot.records, new: new,
                        notices: snapshot.notices.map(\.description)))
            } else {
                show(snapshot.notices)
                Output.line(
                    "boot \(snapshot.epoch): \(readableCount(snapshot.records)) records, \(readableCount(new)) new")
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }
}
