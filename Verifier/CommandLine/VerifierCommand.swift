import ArgumentParser
import Terminal

/// The verifier's program.
struct VerifierCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assay-verifier",
        abstract: "Appraises what the kernels of a fleet of hosts have measured.",
        discussion: """
            From nothing to the first verdict:

              assay-verifier init
              assay-verifier policy put NAME FILE
              assay-verifier serve
              assay-verifier invite --id HOST --policy NAME

            and the line that the last one prints, run on the host. Listing and inviting work beside a running server.

            More: man assay-verifier, man assay-verifier.yaml, /usr/share/doc/assay-verifier.

            \(ExitStatus.help)
            """,
        version: softwareVersion,
        subcommands: [
            InitCommand.self, ServeCommand.self, InviteCommand.self, AppraiseCommand.self, AgentsCommand.self,
            KeyringsCommand.self, PolicyCommand.self, StoreCommand.self,
        ])
}

/// Where the program begins.
@main enum AssayVerifier {
    static func main() { runProgram(VerifierCommand.self) }
}

/// The release.
let softwareVersion = "0.1.0"
