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
            are removed. Those of this boot stay: they outlive a restart of the agent and a kexec. They go only where the \
            kernel's log alone replays to the TPM's PCRs and doesn't with them: where the PCRs began anew without the TPM \
            counting a boot, because the host lost its power while it was suspended. Shards that don't replay stay, too, \
            and that is said: nobody else has their records.
            """)

    @OptionGroup var options: AgentOptions

    @Flag(name: .customLong("boot"), help: "Remove what isn't of this boot.")
    var isAtBoot = false

    @Flag(help: "Remove shards also if the kernel has freed their records, so that nobody has them any more.")
    var force = false

    @Flag(help: "Print what was done as one line of JSON.")
    var json = false

    private struct Report: Encodable {
        var kept: UInt64 = 0
        var removed: [String]
        /// Why this boot's shards were removed, or what is wrong with them.
        var reason: String?
        var notices: [String] = []
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
        let cleaning = try await options.keeper().cleanAtBoot()
        var report = Report(
            removed: cleaning.others.map(\.folder), notices: cleaning.notices.map(\.description))
        switch cleaning.outcome {
        case .none: break
        case .kept(let records): report.kept = records
        case .removed:
            report.reason =
                "this boot's shards are removed: the kernel's log alone replays to the TPM's PCRs, which were reset since "
                + "the shards were written, as where a host loses its power while it is suspended"
        case .unfit(let records, let matched):
            report.kept = records
            let reach = matched.map { "only the first \(readableCount($0)) do" } ?? "nor do the first of them"
            report.reason =
                "shards and log of \(readableCount(records)) records don't replay to the TPM's PCRs, \(reach): some are "
                + "missing or were changed. The shards are kept, for nobody else has their records. To begin a new "
                + "log, boot this host through its firmware, not by kexec"
        }
        try show(report)
    }

    private func cleanAll() async throws {
        let host = try options.readHost()
        let epochs = try ShardReader.epochs(in: host.shards.directory)
        for epoch in epochs where !force && !LogKeeper.isInKernel(epoch, isNewest: epoch == epochs.last, host.shards) {
            throw CommandFailure(
                .usage,
                "the running kernel doesn't hold all records of boot \(epoch): nobody would have them any more. "
                    + "Give --force to remove them all the same; the host then needs a boot through its firmware")
        }
        try ShardWriter.removeAll(in: host.shards.directory, evenIfFreed: force)
        try show(Report(removed: epochs.map(\.folder)))
    }

    private func show(_ report: Report) throws {
        guard !json else { return Output.line(try jsonLine(report)) }
        for notice in report.notices + (report.reason.map { [$0] } ?? []) { Output.notice("notice: \(notice)") }
        if !report.removed.isEmpty {
            Output.line("removed the shards of boots " + report.removed.joined(separator: ", "))
        }
        Output.line(report.kept == 0 ? "no shards are left" : "kept \(readableCount(report.kept)) records of this boot")
    }
}
