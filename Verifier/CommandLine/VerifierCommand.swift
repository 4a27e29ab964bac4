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
              assay-verifier serve
              assay-verifier invite --id HOST
              assay-verifier policy learn NAME --agent HOST
              assay-verifier policy assign HOST NAME

            Before the fourth, run what the third prints on the host (assay-agent join), then assay-agent run. The policy can \
            also be made of a file: on a host that you trust, as root, assay-agent shards cat > trusted.log (all of \
            /sys/kernel/security/ima/binary_runtime_measurements since the boot); here, once the file is carried over:

              assay-verifier policy create --log trusted.log --out FILE
              assay-verifier policy put NAME FILE
              assay-verifier invite --id HOST --policy NAME

            All of these work beside a running server.

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
