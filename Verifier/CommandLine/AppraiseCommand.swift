import ArgumentParser
import Offline
import Terminal

/// Appraises files, without a server or a store.
struct AppraiseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "appraise",
        abstract: "Appraise a log, a quote, or both, from files.",
        discussion: """
            A log is judged up to the record at which it replays to the quote, or to --pcr. Without either all of it is \
            judged, and nothing is affirmed.

              assay-verifier appraise --log LOG --policy policy.json --pcr sha256:HEX
              assay-verifier appraise --quote q.attest --signature q.sig \\
                --ak ak.pub --nonce HEX --pcr-values q.pcrs

            Values of the SHA-1 bank alone give no verdict without --allow-sha1, as on a server.

            \(ExitStatus.help([
                .done: "affirming, warning, or nothing failed", .contraindicated: "contraindicated", .usage: "usage",
                .unavailable: "a file can't be read", .noVerdict: "evidence that no server takes",
            ]))
            """)

    @Option(
        help: ArgumentHelp(
            "A log, binary or text; several are shards in order; - is standard input.", valueName: "file"),
        completion: .file())
    var log: [String] = []

    @Option(
        help: ArgumentHelp("A runtime policy v1 (JSON), or a signed one (DSSE) with --policy-key.", valueName: "file"),
        completion: .file())
    var policy: String?

    @Option(
        help: ArgumentHelp("PEM of a key that must have signed the policy.", valueName: "file"), completion: .file())
    var policyKey: [String] = []

    @Option(
        help: ArgumentHelp("A key or certificate, PEM or DER, that may sign files.", valueName: "file"),
        completion: .file())
    var key: [String] = []

    @Flag(help: "A file without a valid signature fails unless the policy lists it.")
    var requireSignatures = false

    @Option(help: ArgumentHelp("What the log must replay to.", valueName: "bank:hex"))
    var pcr: [String] = []

    @Option(help: ArgumentHelp("IMA's PCR.", valueName: "index"))
    var pcrIndex = 10

    @Option(help: ArgumentHelp("A value that boot_aggregate may have.", valueName: "bank:hex"))
    var bootAggregate: [String] = []

    @OptionGroup var quote: QuoteOptions

    @Option(
        help: ArgumentHelp("Instead of the policy's rule: ignore, warn or fail.", valueName: "action"),
        completion: .list(["ignore", "warn", "fail"]))
    var violations: String?

    @Option(
        help: ArgumentHelp("Go on where this file says, and keep in it where the next run goes on.", valueName: "file"),
        completion: .file())
    var state: String?

    @Flag(help: "With --state: start over at record 0, and forget what was learned.")
    var newEpoch = false

    @Option(
        help: ArgumentHelp("Threads that verify signatures; otherwise one for each core.", valueName: "number"))
    var threads: Int?

    @Flag(help: "One JSON object on one line.")
    var json = false

    func run() async throws {
        let report = try appraised(arguments)
        report.notices.forEach(Output.notice)
        if json { Output.line(report.json) } else { report.lines.forEach { Output.paragraph($0) } }
        if report.isContraindicated { throw CommandFailure(.contraindicated) }
        if report.isRefused { throw CommandFailure(.noVerdict) }
    }

    private var arguments: AppraisalArguments {
        var arguments = quote.arguments
        arguments.logs = log
        arguments.policy = policy
        arguments.policyKeys = policyKey
        arguments.keys = key
        arguments.requiresSignatures = requireSignatures
        arguments.pcrs = pcr
        arguments.pcrIndex = pcrIndex
        arguments.bootAggregates = bootAggregate
        arguments.violations = violations
        arguments.state = state
        arguments.startsNewEpoch = newEpoch
        arguments.threads = threads
        return arguments
    }
}
