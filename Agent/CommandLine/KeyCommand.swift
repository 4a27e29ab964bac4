import ArgumentParser
import Bytes
import Files
import TPMDevice
import Terminal

/// Makes the attestation key and shows it, so that the verifier can enrol it.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make the attestation key, if there is none, and write its public part.",
        discussion: """
            For hosts that a PKI of your own names; others join by token. Carry the file to the verifier and enrol \
            this host with it:

              assay-verifier agents add ID --ak FILE --policy NAME
            """)

    @OptionGroup var options: AgentOptions

    @Option(
        help: ArgumentHelp("Where to write the key's public part (TPM2B_PUBLIC).", valueName: "file"),
        completion: .file())
    var out: String

    @Flag(help: "One JSON object on one line.")
    var json = false

    private struct Key: Encodable {
        /// Its TPM name.
        let attestationKey: String
    }

    func run() async throws {
        let host = try options.readHost()
        let tpm = try await ProvisionedTPM(tcti: host.tcti, keyKind: host.keyKind, stateFolder: host.stateFolder)
        do {
            try writeFile(at: out, with: tpm.attestationKey.publicArea)
        } catch {
            throw CommandFailure.unavailable(error)
        }
        let key = Key(attestationKey: try tpm.attestationKeyName().hexadecimal)
        Output.line(json ? try jsonLine(key) : key.attestationKey)
    }
}
