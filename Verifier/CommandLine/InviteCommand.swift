import ArgumentParser
import AssayCrypto
import Bytes
import Enrolment
import Messages
import Settings
import Store
import Terminal

/// Invites a host.
struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Print the token that makes a host an agent of this verifier.",
        discussion: """
            On the host, as root: assay-agent join, which asks for the token. It can be piped there, too: assay-agent join -. \
            The token is a secret until it is used or expired: whoever has it can join in the host's place, so keep it \
            out of command lines. Invited again with --id, an enrolled agent joins with its own TPM alone; it keeps its \
            policy unless the invitation names it and another one.
            """)

    @OptionGroup var options: StoreOptions

    @Option(
        help: ArgumentHelp("The identity that the host gets; without it, the name that the host has.", valueName: "id"),
        completion: .agents)
    var id: String?

    @Option(
        help: ArgumentHelp(
            "The policy that judges the host; for an enrolled agent, only with --id.", valueName: "name"),
        completion: .policies)
    var policy: String?

    @Option(help: ArgumentHelp("How many hosts may use the token, 1 to 1000.", valueName: "count"))
    var uses = 1

    @Option(help: ArgumentHelp("How long the token can be used: a number and s, m, h or d.", valueName: "time"))
    var expires = TimeSpan(seconds: 3600)

    @Flag(help: "One JSON object on one line.")
    var json = false

    private struct Invited: Encodable {
        /// What to run on the host, with the token on its standard input.
        let command: String
        let token: String
        let agent: String?
        let policy: String?
        let uses: Int
        /// Seconds since 1970.
        let expiresAt: Int64
    }

    func validate() throws {
        guard (1...Int(Invitation.maximumUses)).contains(uses) else {
            throw ValidationError("--uses is from 1 to \(Invitation.maximumUses)")
        }
        guard uses == 1 || id == nil else {
            throw ValidationError("--id names one host; leave it out to invite \(uses)")
        }
        if let id, (try? AgentID(enrolling: Array(id.utf8))) == nil {
            throw ValidationError("--id has \(AgentID.rule)")
        }
    }

    func run() async throws {
        let settings = try options.settings()
        let authority: AuthorityConfiguration
        let address: HostAndPort
        do {
            try settings.requireAll()
            guard let configured = try AuthorityConfiguration(settings) else {
                throw CommandFailure(
                    .usage,
                    "\(settings.file ?? "the configuration") has no authority (ca.*): hosts can't join by token here; "
                        + "`assay-verifier init` makes a verifier with one, `assay-verifier agents add` enrols by hand")
            }
            authority = configured
            address = try settings.required(VerifierSettings.joinAddress)
            let file = try settings.value(of: VerifierSettings.certificate)
            let place = settings.origin(of: VerifierSettings.joinAddress.declaration)
            try NamedServer(file: file).require(address.host, place)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.usage(error)
        }
        let store = try await options.open(.existing)
        defer { store.close() }
        try await reported {
            let (invitation, secret) = try authority.invitationKey().invite(
                try id.map { try AgentID($0) }, policy: policy, uses: UInt32(uses), seconds: expires.seconds,
                at: currentTime())
            let certificate = try Issuer.certificates(in: authority.certificateFile)[0]
            let token = try JoinToken(
                host: address.host.description, port: address.port, authority: certificate.fingerprint, secret: secret)
            try await store.invite(invitation)
            if let id = invitation.agent { try warnOfCase(of: id, in: store) }
            let invited = Invited(
                command: "assay-agent join -", token: token.text, agent: id,
                policy: policy.map { escaped($0.utf8) }, uses: uses, expiresAt: invitation.expiresAt)
            Output.line(json ? try jsonLine(invited) : invited.token)
        }
        if policy == nil {
            Output.notice(
                "no policy: when the host has joined, assay-verifier policy assign ID NAME; assay-verifier policy learn NAME "
                    + "--agent ID makes one of its log")
        }
        if !json { Output.notice("on the host, as root: assay-agent join, which asks for this token") }
    }
}

/// A span of time as an operator writes it: `90s`, `30m`, `1h`, `7d`.
struct TimeSpan: ExpressibleByArgument, Hashable {
    let seconds: Int64

    private static let units: [(Character, Int64)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
    private static let range: ClosedRange<Int64> = 1...31_536_000

    init(seconds: Int64) {
        self.seconds = seconds
    }

    init?(argument: String) {
        guard let (_, factor) = Self.units.first(where: { $0.0 == argument.last }),
            let count = Int64(argument.dropLast())
        else { return nil }
        let (seconds, isOver) = count.multipliedReportingOverflow(by: factor)
        guard !isOver, Self.range.contains(seconds) else { return nil }
        self.init(seconds: seconds)
    }

    var defaultValueDescription: String {
        let unit = Self.units.first { seconds.isMultiple(of: $0.1) } ?? ("s", 1)
        return "\(seconds / unit.1)\(unit.0)"
    }
}
