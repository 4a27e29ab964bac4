import ArgumentParser
import Attester
import Messages
import Terminal
import Transport

/// Attests while the operator looks on.
struct AttestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attest",
        abstract: "Attest now, and show each round and the verdict.",
        discussion: """
            Without --once the connection stays open, and every round that the verifier begins is shown.

            \(ExitStatus.help([
                .done: "affirming or warning", .contraindicated: "contraindicated", .usage: "usage or configuration",
                .unavailable: "the verifier, the TPM or the log can't be reached or read", .noVerdict: "no verdict",
            ]))
            """)

    @OptionGroup var options: AgentOptions

    @Flag(help: "End after one verdict; its tier is the exit code.")
    var once = false

    @Flag(help: "Print the verdict as one line of JSON, and no progress.")
    var json = false

    func run() async throws {
        let configuration = try options.read()
        if let exposed = configuration.exposedKey { Output.notice("warning: \(exposed)") }
        let host = try await AgentHost(configuration)
        let claim = once ? nil : try host.claim()
        defer { withExtendedLifetime(claim) {} }
        if once, let process = host.holder {
            Output.notice(
                "assay-agent runs on this host already\(ofProcess(process)): its connection ends for this one, and it makes "
                    + "another within a minute or two")
        }
        let attester = try host.attester()
        let display = AttestationDisplay(showsProgress: !json)
        let isJSON = json
        let show = { @Sendable (event: Attester.Event) in
            if isJSON {
                if case .verdict(let result) = event, let line = try? jsonLine(result) { Output.line(line) }
                if case .notice(let notice) = event { Output.notice("notice: \(notice)") }
            } else {
                display.show(event)
            }
        }
        do {
            try await attester.readLog(observe: show)
            let connection = try await host.connect()
            let result = try await attester.attest(
                over: connection, once: once, renewal: host.renewal, observe: show)
            guard let result else { throw CommandFailure(.noVerdict, "the verifier closed without a verdict") }
            try Self.exit(for: result.tier)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    private static func exit(for tier: Tier) throws(CommandFailure) {
        switch tier {
        case .affirming, .warning: return
        case .contraindicated: throw CommandFailure(.contraindicated)
        case .none: throw CommandFailure(.noVerdict)
        }
    }
}
