import ArgumentParser
import Terminal

/// The verifier's program.
@main
struct VerifierCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assay-verifier",
        abstract: "Appraises what the kernels of a fleet of hosts have measured.",
        discussion: """
            From nothing to the first verdict:

              assay-verifier policy put NAME FILE
              assay-verifier agents add ID --ak FILE --policy NAME
              assay-verifier serve

            Listing works beside a running server.

            Exit: 0 done; 1 contraindicated; 2 usage or configuration; 3 unreachable or unreadable; 4 no verdict.
            """,
        version: softwareVersion,
        subcommands: [
            ServeCommand.self, AppraiseCommand.self, AgentsCommand.self, KeyringsCommand.self, PolicyCommand.self,
        ])

    static func main() async {
        await runCommand(Self.self)
    }
}

/// The release.
let softwareVersion = "0.1.0"
