import ArgumentParser
import AssayCrypto
import Attester
import Bytes
import Files
import FoundationEssentials
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
            nothing of its secret crosses the network. Without it, the command asks for the token; or pipe it in: \
            assay-agent join -. The verifier is called first, and nothing is made unless it is the token's. Then the \
            host proves that its TPM holds the attestation key, gets a certificate, and writes it into the state folder and a configuration into --config. Run it as root: what \
            it makes belongs to the owner of the folder. It may be repeated with the same token, also if it failed.
            """)

    @OptionGroup var source: TokenSource

    @Option(
        help: ArgumentHelp(
            "The identity, if the invitation names none. Without it, the one that this host has, or this host's name.",
            valueName: "id"))
    var id: String?

    @Option(
        help: ArgumentHelp(
            "The configuration file to write. Of one that is there, all settings are kept but those of the verifier and "
                + "of TLS; the former file stays beside it (.before-join).", valueName: "file"), completion: .file())
    var config = "/etc/assay/agent.yaml"

    @Option(
        help: ArgumentHelp("The agent's folder, whatever the configuration says.", valueName: "folder"),
        completion: .directory)
    var state: String?

    @Option(help: ArgumentHelp("How to reach the TPM, whatever the configuration says.", valueName: "tcti"))
    var tcti: String?

    @Option(
        help: ArgumentHelp("The measurement log, whatever the configuration says.", valueName: "path"),
        completion: .file())
    var log: String?

    @Flag(help: "Join without asking, also where this host ceases to be the agent that it is.")
    var yes = false

    @Flag(help: "One JSON object on one line.")
    var json = false

    private struct Joined: Encodable {
        let agent: String
        /// `HOST:PORT`.
        let verifier: String
        let configuration: String
        /// Where the former one is kept, if there was another.
        let formerConfiguration: String?
    }

    func validate() throws {
        if let id,
            !(1...255).contains(id.utf8.count) || !id.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) || id.hasPrefix("-")
        {
            throw ValidationError("--id has 1 to 255 printable characters of ASCII, no space, and doesn't begin with -")
        }
        let given = ["--config": config, "--state": state, "--tcti": tcti, "--log": log]
        for (flag, value) in given.sorted(by: { $0.key < $1.key }) where value?.isEmpty == true {
            throw ValidationError("\(flag) is empty")
        }
    }

    func run() async throws {
        let token = try source.read()
        let agent: JoinedConfiguration
        do {
            agent = try JoinedConfiguration(file: config, token: token, state: state, tcti: tcti, log: log)
        } catch {
            throw CommandFailure.usage(error)
        }
        if !yes, let loss = agent.former?.loss(joiningWith: token, as: id) { try Membership.confirm(loss) }
        // Before any key is made. The TPM may need longer for them than a verifier waits: it is called again for the rest.
        await (try dial(token)).close()
        let tpm = try await ProvisionedTPM(
            tcti: agent.tcti, keyKind: agent.keyKind, stateFolder: FilePath(agent.stateFolder))
        do {
            let key = try agent.credentials.makeKey()
            let joining = try await Joining(
                device: tpm.device, kind: tpm.attestationKey.kind, attestationKeyPublic: tpm.attestationKey.publicArea,
                key: key, token: token)
            let wished = id.map { Array($0.utf8) } ?? agent.former?.id ?? Array(ProcessInfo.processInfo.hostName.utf8)
            let issued = try await joining.join(over: try await dial(token), wishedID: wished)
            let kept = try agent.write(issued)
            if let former = agent.former?.id, former != issued.agentID {
                Output.notice(
                    "\(escaped(former)) is another agent, and unreachable from now on; to forget it, on its verifier: "
                        + "assay-verifier agents remove \(shellQuoted(former))")
            }
            if let doubt = agent.credentials.doubt(at: currentTime()) { Output.notice(doubt) }
            let joined = Joined(
                agent: escaped(issued.agentID), verifier: address(token.host, Int(token.port)), configuration: config,
                formerConfiguration: kept)
            if json { return Output.line(try jsonLine(joined)) }
            tell(joined)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    /// Connects to the verifier, which shows that the token's authority vouches for it.
    private func dial(_ token: JoinToken) async throws(CommandFailure) -> AgentConnection {
        do {
            return try await AssayDialer.connect(
                host: token.host, port: Int(token.port), context: .joining(authority: token.authority),
                group: MultiThreadedEventLoopGroup.singleton)
        } catch let error as TransportError {
            throw .connection(to: token.host, port: Int(token.port), error)
        } catch {
            throw .unavailable(error)
        }
    }

    private func tell(_ joined: Joined) {
        Output.line("joined \(joined.verifier) as \(joined.agent)")
        Output.line("configuration: \(config)")
        if let kept = joined.formerConfiguration { Output.notice("the former configuration is kept as \(kept)") }
        if let id, id != joined.agent {
            Output.notice("the invitation is for \(joined.agent), so --id \(id) doesn't count")
        }
        let option = config == "/etc/assay/agent.yaml" ? "" : " --config \(config)"
        Output.line("Next:")
        Output.line("  assay-agent attest --once\(option)      # a first verdict, now")
        Output.line("  assay-agent run\(option)                # or the service: systemctl enable --now assay-agent")
    }
}
