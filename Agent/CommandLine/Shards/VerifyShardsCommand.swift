import ArgumentParser
import AssayCrypto
import Attester
import Bytes
import Shards
import TPM
import Terminal

/// Replays the shards.
struct VerifyShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Replay the shards, brought up to date, against the TPM's PCRs.",
        discussion: """
            Records for which the quota or the disk has no room are read from the kernel, where they still are; none is \
            freed there.

            \(ExitStatus.help([
                .done: "shards and kernel together replay to the PCRs", .contraindicated: "they don't",
                .unavailable: "a shard is missing or damaged, or the TPM or the log can't be read",
            ]))
            """)

    @OptionGroup var options: AgentOptions

    @Flag(help: "Print what was found as one line of JSON.")
    var json = false

    private struct Report: Encodable {
        let boot: String
        let records: UInt64
        let matched: UInt64?
        let pcrs: [String: String]
        let notices: [String]
    }

    func run() async throws {
        do {
            let found = try await options.keeper().verify()
            if json {
                let pcrs = found.values.all.map { ("\($0.bank):\($0.index)", $0.value.description) }
                Output.line(
                    try jsonLine(
                        Report(
                            boot: found.epoch.folder, records: found.records, matched: Self.matched(found.outcome),
                            pcrs: Dictionary(pcrs, uniquingKeysWith: { first, _ in first }),
                            notices: found.notices.map(\.description))))
            } else {
                show(found)
            }
            if let fault = Self.fault(found) { throw CommandFailure(.contraindicated, fault) }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    private func show(_ found: LogKeeper.Verification) {
        Output.line("boot \(found.epoch): \(readableCount(found.records)) records")
        for (bank, index, value) in found.values.all { Output.line("  \(bank):\(index) \(value)") }
        if case .whole(let matched) = found.outcome {
            let rest = found.records - matched
            let behind = rest == 0 ? "" : "; \(readableCount(rest)) came since"
            Output.line("\(readableCount(matched)) records replay to these values of the TPM" + behind)
        }
        for notice in found.notices { Output.notice("notice: \(notice)") }
    }

    /// Records up to which the log leads to the TPM's values.
    private static func matched(_ outcome: LogKeeper.Verification.Outcome) -> UInt64? {
        switch outcome {
        case .whole(let matched): matched
        case .broken(let matched): matched
        case .superseded: nil
        }
    }

    /// Why shards and log don't lead to the TPM's values, with what to do; nil if they do.
    private static func fault(_ found: LogKeeper.Verification) -> String? {
        let records = "boot \(found.epoch): \(readableCount(found.records)) records of shards and kernel"
        switch found.outcome {
        case .whole: return nil
        case .superseded:
            return "\(records) don't replay to the TPM's PCRs, those of the kernel alone do: the PCRs were reset since "
                + "the shards were written (the host lost its power while it was suspended). assay-agent shards clean "
                + "--boot removes the shards"
        case .broken(let matched):
            let reach = matched.map { "only the first \(readableCount($0)) do" } ?? "nor do the first of them"
            return "\(records) don't replay to the TPM's PCRs, \(reach): some are missing or were changed. Keep them "
                + "as evidence, then boot this host through its firmware, not by kexec"
        }
    }
}
