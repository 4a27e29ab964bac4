import ArgumentParser
import Attester
import Shards
import SystemPackage
import Terminal

/// Removes shards.
struct CleanShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clean",
        abstract: "Remove shards: all of them, or at a boot those of boots that are over.",
        discussion: """
            With --boot, as a unit runs it when the host has started: the shards of other boots, as the TPM counts them, \
            are removed; those of this boot stay only if they and the kernel's log together replay to the TPM's PCRs. \
            So they outlive a restart of the agent and a kexec, and never a boot.
            """)

    @OptionGroup var options: AgentOptions

    @Flag(name: .customLong("boot"), help: "Remove what isn't of this boot.")
    var isAtBoot = false

    @Flag(help: "Remove shards also if the kernel has freed their records, so that nobody has them any more.")
    var force = false

    @Flag(help: "Print what was done as one line of JSON.")
    var json = false

    private struct Report: Encodable {
        let kept: UInt64
        let removed: [String]
        let reason: String?
    }

    func run() async throws {
        do {
            try await isAtBoot ? cleanAtBoot() : cleanAll()
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    private func cleanAtBoot() async throws {
        switch try await options.keeper().cleanAtBoot() {
        case .none(let removed): try show(Report(kept: 0, removed: removed.map(\.folder), reason: nil))
        case .kept(let records, let removed):
            try show(Report(kept: records, removed: removed.map(\.folder), reason: nil))
        case .wiped(let reason, let removed):
            try show(Report(kept: 0, removed: removed.map(\.folder), reason: reason))
        }
    }

    private func cleanAll() async throws {
        let host = try options.readHost()
        let epochs = try ShardReader.epochs(in: host.shards.directory)
        for epoch in epochs where !force {
            let kernel = (try? ShardReader(root: host.shards.directory, epoch: epoch))?.index.kernel
            guard kernel?.record ?? 0 == 0 else {
                throw CommandFailure(
                    .usage,
                    "the kernel has freed records of boot \(epoch): nobody would have them any more. "
                        + "Give --force to remove them all the same; the host then needs a boot")
            }
        }
        try ShardWriter.removeAll(in: host.shards.directory, evenIfFreed: force)
        try show(Report(kept: 0, removed: epochs.map(\.folder), reason: nil))
    }

    private func show(_ report: Report) throws {
        guard !json else { return Output.line(try jsonLine(report)) }
        if let reason = report.reason { Output.notice("notice: this boot's shards are removed: \(reason)") }
        if !report.removed.isEmpty {
            Output.line("removed the shards of boots " + report.removed.joined(separator: ", "))
        }
        Output.line(report.kept == 0 ? "no shards are left" : "kept \(readableCount(report.kept)) records of this boot")
    }
}
