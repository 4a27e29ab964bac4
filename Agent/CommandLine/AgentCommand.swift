import ArgumentParser
import Attester
import NIOCore
import Terminal

/// The agent's program.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assay-agent",
        abstract: "Proves to a verifier what this host's kernel has measured.",
        discussion: """
            The agent quotes the TPM, reads the kernel's measurement log (IMA) and sends both to assay-verifier. On a \
            new host, as root:

              assay-agent doctor
              assay-agent join
              assay-agent attest --once

            and then `assay-agent run`, or the service: systemctl enable --now assay-agent. `join` asks for the \
            token that `assay-verifier invite` printed. man assay-agent has every command; the documentation is in \
            /usr/share/doc/assay-agent.

            Exit: 0 affirming, warning or done; 1 contraindicated; 2 usage or configuration; 3 unreachable or \
            unreadable; 4 no verdict.
            """,
        version: softwareVersion,
        subcommands: [
            JoinCommand.self, DoctorCommand.self, AttestCommand.self, RunCommand.self, ConfigureCommand.self,
            KeyCommand.self, ShardsCommand.self,
        ])
}

/// Where the program begins.
@main enum AssayAgent {
    static func main() {
        // There is one connection: a thread for each core of a large host would take memory and do nothing.
        NIOSingletons.groupLoopCountSuggestion = 1
        runProgram(AgentCommand.self)
    }
}

/// The release.
let softwareVersion = "0.1.0"
