import ArgumentParser
import AssayCrypto
import Bytes
import Enrolment
import Files
import FoundationEssentials
import Store
import Terminal

/// Makes all that a verifier needs.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a store, an authority, the server's certificate and a configuration.",
        discussion: """
            It overwrites nothing. Run it as root: what it makes belongs to the owner of the folder. Such as:

              assay-verifier init --name verifier.example

            The authority's key names agents: it is in a file of its own that only its owner can read, and in no \
            backup of the store. With --ca-key it stays where an OpenSSL provider has it, such as a PKCS #11 token.
            """)

    @Option(help: ArgumentHelp("The configuration file to write.", valueName: "file"), completion: .file())
    var config = "/etc/assay/verifier.yaml"

    @Option(
        help: ArgumentHelp("The folder for the store, the authority and the certificates.", valueName: "folder"),
        completion: .directory)
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

    @Flag(help: "One JSON object on one line.")
    var json = false

    private struct Made: Encodable {
        let authority: String
        let authoritySha256: String
        let authorityKey: String
        let names: [String]
        let port: Int
        let store: String
        let configuration: String
        let identity: String
    }

    func validate() throws {
        guard (1...65535).contains(port) else { throw ValidationError("--port is from 1 to 65535") }
        if let other = name.first(where: { HostName($0) == nil }) {
            throw ValidationError("--name is \(HostName.form), not \"\(escaped(other.utf8))\"")
        }
    }

    /// What agents dial; without a flag, this host's own name.
    private func names() throws(CommandFailure) -> [HostName] {
        if !name.isEmpty { return name.compactMap(HostName.init) }
        let own = ProcessInfo.processInfo.hostName
        guard let host = HostName(own) else {
            throw CommandFailure(
                .usage,
                "this host's name is \"\(escaped(own.utf8))\", not \(HostName.form): say what agents dial with --name")
        }
        return [host]
    }

    func run() async throws {
        let names = try names()
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
                names: names.map { SubjectAlternativeName(host: $0.description) }, keyURI: caKey, at: currentTime())
            do {
                try makeFolder(ofFile: config)
                let text = InitialConfiguration(
                    setup: setup, address: HostAndPort(host: names[0], port: UInt16(clamping: port)), keyURI: caKey
                ).text
                try replaceFile(at: config, with: Array(text.utf8), mode: 0o644)
            } catch {
                setup.remove()
                throw error
            }
        } catch let error as EnrolmentError where error.code == .alreadyThere {
            throw CommandFailure.usage(error)
        } catch {
            throw CommandFailure.unavailable(error)
        }
        let made = Made(
            authority: setup.authorityCertificate, authoritySha256: issuer.certificate.fingerprint.description,
            authorityKey: caKey ?? setup.authorityKey, names: names.map(\.description), port: port,
            store: "\(setup.store)",
            configuration: config, identity: IdentityMode.token.words)
        if json { return Output.line(try jsonLine(made)) }
        tell(made, folder: setup.folder)
    }

    /// Whether systemd runs here, and has the unit.
    private var isService: Bool {
        exists("/run/systemd/system") && exists("/usr/lib/systemd/system/assay-verifier.service")
    }

    private func tell(_ made: Made, folder: String) {
        Output.line("authority: \(made.authority), SHA-256 \(made.authoritySha256)")
        Output.line("authority's key: \(made.authorityKey)")
        Output.line("server: \(made.names.joined(separator: ", ")), port \(port)")
        Output.line("store: \(made.store)")
        Output.line("configuration: \(config)")
        Output.line("identity: \(made.identity)")
        Output.line()
        Output.line("Keep a copy of \(folder)/ca in a safe place: it is in no backup of the store. Next:")
        let option = config == "/etc/assay/verifier.yaml" ? "" : " --config \(config)"
        let service = option.isEmpty && isService
        Output.line(service ? "  systemctl enable --now assay-verifier" : "  assay-verifier serve\(option)")
        Output.line("  assay-verifier policy put NAME FILE\(option)")
        Output.line("  assay-verifier invite --id HOST --policy NAME\(option)")
        Output.line("and on the host: assay-agent join, which asks for the token that `invite` prints.")
    }
}
