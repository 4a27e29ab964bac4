import ArgumentParser
import AssayCrypto
import Enrolment
import Files
import Foundation
import Store
import Terminal

/// Makes all that a verifier needs.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a store, an authority, the server's certificate and a configuration.",
        discussion: """
            It overwrites nothing. Run as root it gives what it makes to the owner of the folder.

            The authority's key names agents: it is in a file of its own that only its owner can read, and in no \
            backup of the store. With --ca-key it stays where an OpenSSL provider has it, such as a PKCS #11 token.
            """)

    @Option(help: ArgumentHelp("The configuration file to write.", valueName: "file"))
    var config = "/etc/assay/verifier.yaml"

    @Option(help: ArgumentHelp("The folder for the store, the authority and the certificates.", valueName: "folder"))
    var dir = "/var/lib/assay-verifier"

    @Option(
        help: ArgumentHelp(
            "A DNS name or an address that agents dial; the first one goes into tokens. May be given several times. "
                + "Without it, this host's name.", valueName: "name"))
    var name: [String] = []

    @Option(help: ArgumentHelp("TCP port that agents dial.", valueName: "port"))
    var port = 7443

    @Option(
        help: ArgumentHelp(
            "The authority's key where an OpenSSL provider has it, such as pkcs11:object=assay;type=private.",
            valueName: "uri"))
    var caKey: String?

    func validate() throws {
        guard (1...65535).contains(port) else { throw ValidationError("--port is from 1 to 65535") }
        guard name.allSatisfy({ (1...255).contains($0.utf8.count) && $0.utf8.allSatisfy { 0x21...0x7e ~= $0 } }) else {
            throw ValidationError("--name is a DNS name or an address, in ASCII")
        }
    }

    func run() async throws {
        let names = name.isEmpty ? [ProcessInfo.processInfo.hostName] : name
        let path = URL(filePath: dir).standardizedFileURL.path(percentEncoded: false)
        let setup = VerifierSetup(folder: path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
        guard !exists(config) else {
            throw CommandFailure(
                .usage,
                "\(config) is there already; to begin anew move it away first, to add a host use "
                    + "`assay-verifier invite`")
        }
        let issuer: Issuer
        do {
            issuer = try await setup.make(
                names: names.map(SubjectAlternativeName.init(host:)), keyURI: caKey, at: currentTime())
            try FileManager.default.createDirectory(
                at: URL(filePath: config).deletingLastPathComponent(), withIntermediateDirectories: true)
            let text = InitialConfiguration(setup: setup, names: names, port: port, keyURI: caKey).text
            try replaceFile(at: config, with: Array(text.utf8), mode: 0o644)
        } catch let error as EnrolmentError where error.code == .alreadyThere {
            throw CommandFailure.usage(error)
        } catch {
            throw CommandFailure.unavailable(error)
        }
        tell(setup, issuer, names)
    }

    private func tell(_ setup: VerifierSetup, _ issuer: Issuer, _ names: [String]) {
        Output.line("authority: \(setup.authorityCertificate), SHA-256 \(issuer.certificate.fingerprint)")
        Output.line("authority's key: \(caKey ?? setup.authorityKey)")
        Output.line("server: \(names.joined(separator: ", ")), port \(port)")
        Output.line("store: \(setup.store)")
        Output.line("configuration: \(config)")
        Output.line("identity: \(IdentityMode.token.words)")
        Output.line()
        Output.line("Keep a copy of \(setup.folder)/ca in a safe place: it is in no backup of the store. Next:")
        let option = config == "/etc/assay/verifier.yaml" ? "" : " --config \(config)"
        Output.line("  assay-verifier serve\(option)")
        Output.line("  assay-verifier policy put NAME FILE\(option)")
        Output.line("  assay-verifier invite --id HOST --policy NAME\(option)")
        Output.line("and run the line that `invite` prints on the host.")
    }
}
