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
        discussion: "Exit 1 if they don't replay to the PCRs, 3 if a shard is missing or damaged.")

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
                try printJSON(
                    Report(
                        boot: found.epoch.folder, records: found.records, matched: found.matched,
                        pcrs: Dictionary(pcrs, uniquingKeysWith: { first, _ in first }),
                        notices: found.notices.map(\.description)))
            } else {
                show(found)
            }
            guard found.matched != nil else {
                throw CommandFailure(
                    .contraindicated,
                    "boot \(found.epoch): \(readableCount(found.records)) records don't replay to the TPM's PCRs: "
                        + "some are missing or were changed. Keep them as evidence, then boot this host")
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    private func show(_ found: LogKeeper.Verification) {
        Output.line("boot \(found.epoch): \(readableCount(found.records)) records")
        for (bank, index, value) in found.values.all { Output.line("  \(bank):\(index) \(value)") }
        if let matched = found.matched {
            let rest = found.records - matched
            let behind = rest == 0 ? "" : "; \(readableCount(rest)) came since"
            Output.line("\(readableCount(matched)) records replay to these values of the TPM" + behind)
        }
        for notice in found.notices { Output.notice("notice: \(notice)") }
    }
}
