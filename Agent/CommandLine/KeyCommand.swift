import ArgumentParser
import Bytes
import Foundation
import Terminal

/// Makes the attestation key and shows it, so that the verifier can enrol it.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make the attestation key, if there is none, and write its public part.",
        discussion: """
            Carry the file to the verifier and enrol this host with it:

              assay-verifier agents add ID --ak FILE --policy NAME
            """)

    @OptionGroup var options: AgentOptions

    @Option(help: ArgumentHelp("Where to write the key's public part (TPM2B_PUBLIC).", valueName: "file"))
    var out: String

    func run() async throws {
        let host = try await AgentHost(try options.read())
        do {
            try Data(host.attestationKeyPublic).write(to: URL(filePath: out))
        } catch {
            throw CommandFailure.unavailable(error)
        }
        Output.line(try host.attestationKeyName().hexadecimal)
    }
}
