import ArgumentParser
import Attester
import NIOCore
import TPMDevice
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
            token that `assay-verifier invite` printed.

            More: man assay-agent, man assay-agent.yaml, /usr/share/doc/assay-agent.

            \(ExitStatus.help)
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
        runProgram(AgentCommand.self, puttingAway: leaveTPM)
    }

    /// What is left in a TPM that is used directly stays there, and takes the room of what comes next.
    private static let leaveTPM = { @Sendable () async in
        let notice = Task {
            try await Task.sleep(for: .seconds(1))
            Output.notice("assay-agent: ends once the TPM has answered; a signal more (Ctrl-C) ends it at once")
        }
        await TPMDevice.closeAll()
        notice.cancel()
    }
}

/// The release.
let softwareVersion = "0.1.0"
