import ArgumentParser
import AssayCrypto
import IMA
import Shards
import SystemPackage
import Terminal

/// Shows the shards.
struct ListShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show the shards, and whether each is what was written.",
        discussion: """
            It needs neither root nor the TPM.

            \(ExitStatus.help([.done: "each is", .unavailable: "a shard is missing or damaged"]))
            """)

    @OptionGroup var options: AgentOptions
    @OptionGroup var stored: StoredShardsOptions

    @Flag(help: "Print one line of JSON.")
    var json = false

    private struct Shard: Encodable {
        let file: String
        let first: UInt64
        let records: UInt64
        let bytes: UInt64
        let sha256: String
        let pcrs: [String: String]
        let state: String

        init(_ entry: ShardEntry, state: String) {
            file = entry.name.text
            first = entry.name.first
            records = entry.name.count
            bytes = entry.bytes
            sha256 = entry.sha256.description
            pcrs = Dictionary(
                entry.lanes.filter { $0.forms.contains(.own) }.map { ("\($0.bank):\($0.pcr)", $0.value.description) },
                uniquingKeysWith: { first, _ in first })
            self.state = state
        }
    }

    private struct Report: Encodable {
        let directory: String
        let boot: String
        let records: UInt64
        let bytes: UInt64
        let shards: [Shard]
    }

    func run() async throws {
        let reader = try await stored.reader(options)
        var failures: [ShardError] = []
        let shards = reader.index.entries.map { entry in
            do throws(ShardError) {
                _ = try reader.content(of: entry)
                return Shard(entry, state: "whole")
            } catch {
                failures.append(error)
                return Shard(entry, state: error.code == .missing ? "missing" : "damaged")
            }
        }
        if json {
            Output.line(
                try jsonLine(
                    Report(
                        directory: reader.root.string, boot: reader.index.epoch.folder,
                        records: reader.index.nextRecord,
                        bytes: reader.index.bytes, shards: shards)))
        } else {
            show(shards, of: reader)
        }
        guard failures.isEmpty else {
            throw CommandFailure(.unavailable, failures.map(\.description).joined(separator: "\n"))
        }
    }

    private func show(_ shards: [Shard], of reader: ShardReader) {
        var table = Table(["FIRST", "RECORDS", "BYTES", "SHA-256", "STATE"])
        for shard in shards {
            table.append([
                readableCount(shard.first), readableCount(shard.records), readableCount(shard.bytes),
                String(shard.sha256.prefix(16)), shard.state,
            ])
        }
        Output.table(table)
        Output.line(
            "boot \(reader.index.epoch): \(readableCount(reader.index.nextRecord)) records "
                + "(\(readableSize(reader.index.bytes))) in \(shards.count) shards under \(reader.root)")
    }
}
