import ArgumentParser
import AssayCrypto
import Attester
import Bytes
import Files
import Foundation
import Messages
import NIOPosix
import Settings
import SystemPackage
import TPMDevice
import Terminal
import Transport

/// Makes this host an agent of the verifier that a token names.
struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Become an agent of the verifier that has invited this host.",
        discussion: """
            The token is what `assay-verifier invite` printed. It says where the verifier is and how to know it; \
            nothing of its secret crosses the network. The host proves that its TPM holds the attestation key, gets a \
            certificate, and writes it into the state folder and a configuration into --config. It may be repeated.
            """)

    @Argument(help: "The token.")
    var token: String

    @Option(
        help: ArgumentHelp("The identity, if the invitation names none. Without it, this host's name.", valueName: "id")
    )
    var id: String?

    @Option(
        help: ArgumentHelp(
            "The configuration file to write. Settings of the TPM, the log and the state folder in one that is there "
                + "are kept.", valueName: "file"))
    var config = "/etc/assay/agent.yaml"

    @Option(help: ArgumentHelp("The agent's folder, whatever the configuration says.", valueName: "folder"))
    var state: String?

    @Option(help: ArgumentHelp("How to reach the TPM, whatever the configuration says.", valueName: "tcti"))
    var tcti: String?

    @Option(help: ArgumentHelp("The measurement log, whatever the configuration says.", valueName: "path"))
    var log: String?

    func validate() throws {
        if let id, !(1...255).contains(id.utf8.count) || !id.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) {
            throw ValidationError("--id has 1 to 255 printable characters of ASCII, no space")
        }
    }

    func run() async throws {
        let token: JoinToken
        let agent: JoinedConfiguration
        do {
            token = try JoinToken(self.token)
            agent = try JoinedConfiguration(file: config, token: token, state: state, tcti: tcti, log: log)
        } catch {
            throw CommandFailure.usage(error)
        }
        let tpm = try await ProvisionedTPM(
            tcti: agent.tcti, keyKind: agent.keyKind, stateFolder: FilePath(agent.stateFolder))
        do {
            let key = try agent.credentials.makeKey()
            let joining = Joining(
                device: tpm.device, kind: tpm.attestationKey.kind, attestationKeyPublic: tpm.attestationKey.publicArea,
                key: key, token: token)
            let connection = try await AssayDialer.connect(
                host: token.host, port: Int(token.port), context: .joining(authority: token.authority),
                group: MultiThreadedEventLoopGroup.singleton)
            let wished = id ?? ProcessInfo.processInfo.hostName
            let issued = try await joining.join(over: connection, wishedID: Array(wished.utf8))
            let kept = try agent.write(issued)
            tell(issued, token, kept: kept)
        } catch let error as TransportError {
            throw CommandFailure(.unavailable, "\(token.host):\(token.port): \(error)\(Self.nextStep(error))")
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    private func tell(_ issued: CertificateIssued, _ token: JoinToken, kept: String?) {
        let name = escaped(issued.agentID)
        Output.line("joined \(token.host):\(token.port) as \(name)")
        Output.line("configuration: \(config)")
        if let kept { Output.notice("the former configuration is kept as \(kept)") }
        if let id, id != name { Output.notice("the invitation is for \(name), so --id \(id) doesn't count") }
        let option = config == "/etc/assay/agent.yaml" ? "" : " --config \(config)"
        Output.line("Next:")
        Output.line("  assay-agent attest --once\(option)      # a first verdict, now")
        Output.line("  assay-agent run\(option)                # or the service: systemctl enable --now assay-agent")
    }

    /// What to do about a connection that did not come to be, where the error doesn't say.
    private static func nextStep(_ error: TransportError) -> String {
        switch error {
        case .io: "; check that `assay-verifier serve` runs there, and that no firewall is between"
        case .tls(let error) where error.code == .noCommonProtocol || error.code == .alert(120):
            "; the server there is no verifier that hosts can join by token"
        default: ""
        }
    }
}
