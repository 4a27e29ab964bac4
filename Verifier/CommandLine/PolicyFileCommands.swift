import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Terminal

/// Converts what older tools have to a runtime policy.
struct PolicyConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Make a policy of an older allowlist: lines of sha256sum, or JSON with hashes.",
        discussion: """
            Lines are those of sha1sum's family, with --tag and -z, too. A policy that wouldn't load is not written.
            """)

    @Argument(help: "The allowlist.", completion: .file())
    var allowlist: String

    @Option(
        help: ArgumentHelp(
            "Expressions of paths to leave out, one a line; a line that begins with # is a comment.", valueName: "file"),
        completion: .file()
    )
    var excludes: String?

    @Option(
        help: ArgumentHelp("Where to write the policy; else to standard output.", valueName: "file"),
        completion: .file())
    var out: String?

    func run() throws {
        try makingPolicy {
            let (document, warnings) = try LegacyAllowlist.convert(
                try contents(allowlist), excludes: try excludes.map { ExcludeList(try contents($0), file: $0) })
            for warning in warnings { Output.notice("warning: \(warning)") }
            try writePolicy(document, to: out)
        }
    }
}

/// Tells what is wrong with a policy.
struct PolicyCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a policy: every fault with its place.",
        discussion: ExitStatus.help([.done: "it loads, warnings or not", .contraindicated: "it doesn't"]))

    @Argument(
        help: "The file: a runtime policy v1 (JSON), or a signed one (DSSE) with --policy-key.", completion: .file())
    var file: String

    @Option(
        name: .customLong("policy-key"),
        help: ArgumentHelp("A key or certificate that must have signed the policy.", valueName: "file"),
        completion: .file())
    var policyKey: [String] = []

    @Option(
        name: .customLong("sha256"), help: ArgumentHelp("What the file's SHA-256 must be.", valueName: "hex"))
    var checksum: String?

    @Flag(help: "One JSON object on one line.")
    var json = false

    private struct Checked: Encodable {
        let loads: Bool
        let faults: [String]
        let warnings: [String]
    }

    func validate() throws {
        guard checksum == nil || digest?.count == 32 else {
            throw ValidationError("--sha256 has 64 hexadecimal digits")
        }
    }

    private var digest: Digest? { checksum.flatMap { [UInt8](hexadecimal: $0) }.flatMap { Digest($0) } }

    func run() throws {
        try makingPolicy {
            let signers = try policyKey.map(publicKey)
            let check = PolicyCheck(source: try contents(file), signers: signers, checksum: digest)
            let checked = Checked(
                loads: check.faults.isEmpty, faults: check.faults.map(\.description),
                warnings: check.warnings.map(\.description))
            if json { Output.line(try jsonLine(checked)) } else { show(checked) }
            guard checked.loads else { throw CommandFailure(.contraindicated) }
        }
    }

    private func show(_ checked: Checked) {
        for fault in checked.faults { Output.line("error: \(fault)") }
        for warning in checked.warnings { Output.line("warning: \(warning)") }
        if checked.loads { Output.line("the policy loads") }
    }
}

/// Compares two policies.
struct PolicyDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show what the second policy allows that the first doesn't (+), and the reverse (-).")

    @Argument(help: "The first policy.", completion: .file())
    var old: String

    @Argument(help: "The second.", completion: .file())
    var new: String

    @Option(
        name: .customLong("policy-key"),
        help: ArgumentHelp("A key or certificate that must have signed both.", valueName: "file"), completion: .file())
    var policyKey: [String] = []

    @Flag(help: "One JSON object a line.")
    var json = false

    private struct Changed: Encodable {
        let isAdded: Bool
        let place: String
        let value: String
    }

    func run() throws {
        try makingPolicy {
            let difference = PolicyDifference(
                from: try readPolicy(old, signers: policyKey), to: try readPolicy(new, signers: policyKey))
            for change in difference.changes {
                let changed = Changed(isAdded: change.isAdded, place: change.place, value: change.value)
                Output.line(json ? try jsonLine(changed) : "\(change)")
            }
        }
    }
}
