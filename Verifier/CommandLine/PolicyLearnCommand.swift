import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Store
import Terminal

/// Makes a policy out of the log of a host that has joined.
struct PolicyLearnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn",
        abstract: "Make a policy out of a joined host's own log, look at it, and put it into the store.",
        discussion: """
            The running server asks the agent for its whole log, at its next round: at once if it is connected. Only \
            records that a quote of the host's TPM vouches for count. What they hold is listed as `policy create --log` \
            lists it, shown, and stored under NAME if you say so.

              assay-verifier policy learn web --agent web-1
              assay-verifier policy assign web-1 web

            It is trust on first use: all that the host has run since it booted is taken for good. Do it with a host \
            that you have just installed.

            \(ExitStatus.help([
                .done: "stored or written", .contraindicated: "the log does not lead to the quote",
                .unavailable: "the host has not answered", .noVerdict: "you said no",
            ]))
            """)

    @OptionGroup var options: StoreOptions

    @Argument(help: "The new policy's name.", completion: .policies)
    var name: String

    @Option(help: ArgumentHelp("The agent whose log is learned from.", valueName: "id"), completion: .agents)
    var agent: String

    @Option(
        help: ArgumentHelp(
            "Expressions of paths to leave out, one a line; a line that begins with # is a comment.", valueName: "file"),
        completion: .file())
    var excludes: [String] = []

    @Flag(help: "Put it in the place of the policy that has the name; what changes is shown.")
    var replace = false

    @Flag(help: "Add it to the policy that has the name; what changes is shown.")
    var extend = false

    @Option(
        help: ArgumentHelp("Write the policy to a file instead of storing it.", valueName: "file"),
        completion: .file())
    var out: String?

    @Flag(help: "Store it without asking.")
    var yes = false

    @Option(help: ArgumentHelp("How long the host is waited for while nothing comes.", valueName: "seconds"))
    var wait = 180

    @Flag(help: "One JSON object on one line, with --yes or --out.")
    var json = false

    func validate() throws {
        guard (1...86_400).contains(wait) else { throw ValidationError("--wait is from 1 to 86400 seconds") }
        guard !(replace && extend) else { throw ValidationError("give --replace or --extend, not both") }
        guard !json || yes || out != nil else {
            throw ValidationError("with --json nobody is asked: give --yes to store the policy, or --out to write it")
        }
    }

    func run() async throws {
        let store = try await options.open(.existing)
        defer { store.close() }
        guard yes || out != nil || Confirmation.isPossible else {
            throw CommandFailure(
                .usage,
                "there is no terminal to ask at: --yes stores the policy without a question, --out FILE writes it")
        }
        try await reported {
            let id = try AgentID(agent)
            let former = try former(in: store)
            let lists = try excludes.map { ExcludeList(try contents($0), file: $0) }
            try check(id, in: store)
            let answer = try await LearningWait(id: id, seconds: wait, showsProgress: !json).answer(in: store)
            let learned = try makingPolicy {
                try LearnedPolicy(answer, of: id, named: name, former: former, isExtended: extend, excluding: lists)
            }
            if !json { Output.lines(learned.lines(on: Output.medium)) }
            try await settle(learned, of: id, in: store)
        }
    }

    /// The policy that has the name; nil for none, or if it stays as it is.
    private func former(in store: Store) throws -> FormerPolicy? {
        guard let policy = try store.policy(named: name) else {
            guard !extend else { throw StoreError(.notFound, "there is no policy \(escaped(name.utf8))") }
            return nil
        }
        guard replace || extend || out != nil else {
            throw CommandFailure(
                .usage,
                "there is a policy \(escaped(name.utf8)) already: --replace puts the new one in its place, --extend adds to "
                    + "it, --out FILE writes the new one; the first two show what changes")
        }
        guard replace || extend else { return nil }
        let document = try store.policySource(policy.contentHash).flatMap { try? PolicyDocument(json: $0) }
        guard document != nil || replace else {
            throw CommandFailure(
                .unavailable,
                "the policy \(escaped(name.utf8)) is signed, so that nothing can be added to it: extend its file "
                    + "(policy learn --out, policy create --base), sign that and put it")
        }
        return FormerPolicy(document: document)
    }

    private func check(_ id: AgentID, in store: Store) throws {
        guard try store.agent(id).revokedAt == nil else {
            throw CommandFailure(
                .unavailable,
                "agent \(id) is revoked, and isn't asked for anything; to trust it again: "
                    + "assay-verifier agents revoke \(id.shellWord) --undo")
        }
        try requireServer(on: store)
    }

    /// Writes the policy, or stores it if the operator wants that.
    private func settle(_ learned: LearnedPolicy, of id: AgentID, in store: Store) async throws {
        let word = shellQuoted(Array(name.utf8))
        if let out {
            try writePolicy(learned.source, to: out)
            Output.notice("written to \(out); next: assay-verifier policy put \(word) \(shellQuoted(Array(out.utf8)))")
        } else {
            guard yes || Confirmation.ask("Store it as policy \(escaped(name.utf8))?") else {
                throw CommandFailure(.noVerdict, "nothing was stored")
            }
            let hash = try await store.putPolicy(
                name, source: learned.source, compiled: learned.policy.compiled, at: currentTime())
            if !json { Output.line("policy \(escaped(name.utf8)) is \(hash)") }
            if try store.agent(id).policyName != name {
                Output.notice("next: assay-verifier policy assign \(id.shellWord) \(word)")
            }
        }
        if json { Output.line(try jsonLine(learned.report(isStored: out == nil))) }
    }
}
