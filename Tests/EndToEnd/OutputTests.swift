import Bytes
import Foundation
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    @Suite("What the commands write, wherever it goes") struct OutputTests {
        /// Where output goes.
        private struct Place: Sendable {
            let variables: [String: String]
            var isTerminal = true

            /// Whether escape sequences, and characters beyond ASCII, may be there.
            var mayColour = false
            var mayDraw = false
        }

        private static let places: [Place] = [
            Place(variables: ["TERM": "dumb", "LC_ALL": "C.UTF-8"], mayDraw: true),
            Place(variables: ["TERM": "dumb", "LC_ALL": "C"]),
            Place(variables: ["TERM": "dumb", "LC_ALL": "", "LC_CTYPE": "", "LANG": "POSIX"]),
            Place(variables: ["TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"], mayDraw: true),
            Place(variables: ["TERM": "xterm", "LC_ALL": "C", "NO_COLOR": ""], mayColour: true),
            Place(variables: ["TERM": "xterm", "LC_ALL": "C"], isTerminal: false),
        ]

        @Test("no escape sequence, no foreign character, no line that is too long, where there is no place for them")
        func everywhere() async throws {
            let log = try KernelLogs.imasig.get()
            try await Newcomer.run { newcomer in
                try await newcomer.host.kernel.measure(log)
                let verifier = try await newcomer.settle(log)
                let given = Set(String(decoding: log, as: UTF8.self).unicodeScalars)
                for place in Self.places {
                    var here = newcomer
                    here.environment = place.variables
                    for command in try newcomer.commands() {
                        let text = try await here.output(of: command.words, onTerminal: place.isTerminal)
                        Self.check(text, of: command.words, in: place, given: given)
                        if place.isTerminal, command.isListing { Self.checkWidth(text, of: command.words) }
                    }
                }
                verifier.kill()
            }
        }

        @Test("the help of every command fits 80 columns of ASCII", arguments: ["assay-verifier", "assay-agent"])
        func help(program: String) async throws {
            let commands = try await CommandTree.leaves(of: program)
            #expect(commands.count > 8)
            let folder = try Workspace()
            for command in commands {
                let said = try await folder.output(
                    program, command + ["--help"], ["TERM": "dumb", "LC_ALL": "C", "COLUMNS": "80"])
                #expect(said.contains("USAGE: ") && !said.contains("\u{1b}"), "\(command)")
                #expect(said.utf8.allSatisfy { $0 < 0x80 }, "\(command): \(said)")
                // A synopsis is one line, which a terminal breaks.
                for line in said.split(separator: "\n") where !line.hasPrefix("USAGE: ") {
                    #expect(line.count <= 80, "\(command): \(line)")
                }
            }
        }

        @Test("a command without what it needs says so without an escape sequence, in ASCII")
        func mistakes() async throws {
            let folder = try Workspace()
            for program in ["assay-verifier", "assay-agent"] {
                for command in try await CommandTree.leaves(of: program) {
                    let said = try await folder.output(
                        program, command + ["--no-such-option"], ["TERM": "dumb", "LC_ALL": "C"])
                    #expect(!said.isEmpty && !said.contains("\u{1b}"), "\(command)")
                    #expect(said.utf8.allSatisfy { $0 < 0x80 }, "\(command): \(said)")
                }
            }
        }

        /// - Parameter given: characters of the host's own.
        private static func check(
            _ text: String, of command: [String], in place: Place, given: Set<Unicode.Scalar>
        ) {
            #expect(!text.isEmpty, "\(command)")
            if !place.mayColour {
                // A line may be overwritten without colours, unless the terminal can't.
                let mayOverwrite = place.isTerminal && place.variables["TERM"] != "dumb"
                let rest = mayOverwrite ? text.replacing("\r\u{1b}[K", with: "") : text
                #expect(!rest.contains("\u{1b}"), "\(command) in \(place.variables): \(rest)")
            }
            if !place.mayDraw {
                let foreign = text.unicodeScalars.filter { !$0.isASCII && !given.contains($0) }
                #expect(foreign.isEmpty, "\(command) in \(place.variables): \(text)")
            }
        }

        private static func checkWidth(_ text: String, of command: [String]) {
            for line in text.split(whereSeparator: \.isNewline) {
                let shown = line.replacing(/\u{1b}\[[0-9;]*[mK]/, with: "")
                // A command stays whole for whoever copies it, and a path or digest is one word.
                let words = shown.split(separator: " ")
                let mayBeLong = shown.contains("assay-") || words.contains { $0.count > 50 }
                #expect(shown.count <= 80 || mayBeLong, "\(command) has \(shown.count) columns: \(shown)")
            }
        }
    }
}

extension Newcomer {
    /// A verifier with a host that has attested, a key that is denied, and another policy.
    fileprivate func settle(_ log: [UInt8]) async throws -> Program {
        _ = try await initialize(port: Self.freePort())
        let verifier = try await serve(settings: ["attestation.interval=1", "monitoring.port=0"])
        try await putPolicy(allowing: log)
        try await put(Fleet.source, "nothing.json")
        let token = try await invite(["--id", Host.id])
        let joined = try await join(token)
        guard joined.exit == 0 else { throw Unexpected("\(joined.output)\(verifier.output)") }
        let attested = try await agent(["attest", "--once", "--json"])
        guard attested.exit != 3 else { throw Unexpected("\(attested.output)\(verifier.output)") }
        let denied = try await self.verifier(["keyrings", "deny", String(repeating: "d", count: 64)])
        guard denied.exit == 0 else { throw Unexpected(denied.output) }
        try await put(log, "log")
        return verifier
    }

    private func put(_ bytes: [UInt8], _ name: String) async throws {
        try Data(bytes).write(to: folder.appending(path: name))
    }

    /// What is run: the program, then its words; and whether it lists something.
    fileprivate struct Shown {
        let words: [String]
        let isListing: Bool
    }

    fileprivate func commands() throws -> [Shown] {
        let (verifier, agent) = (["assay-verifier"], ["assay-agent"])
        let shown: [[String]] = [
            ["agents", "list"], ["agents", "show", Host.id], ["agents", "history", Host.id, "--findings"],
            ["keyrings", "show", Host.id], ["keyrings", "history", Host.id], ["keyrings", "denied"],
            ["policy", "list"], ["policy", "show", "allowed"], ["store", "info"], ["store", "check"],
            ["serve", "--check"],
        ]
        let refused: [[String]] = [
            ["agents", "show", "nobody"], ["policy", "assign", "nobody", "allowed"],
            ["agents", "list", "--set", "x=1"],
        ]
        let files: [[String]] = [
            ["policy", "check", path("policy.json")], ["policy", "diff", path("nothing.json"), path("nothing.json")],
            ["policy", "check", path("log")], ["policy", "create", "--log", path("log"), "--out", path("made.json")],
            ["appraise", "--log", path("log"), "--policy", path("nothing.json")], ["appraise", "--log", path("log")],
        ]
        let hosts = [
            ["attest", "--once"], ["doctor"], ["run", "--check"], ["shards", "list"], ["shards", "verify"],
            ["shards", "snapshot"],
        ]
        let refusedHosts = [["key"], ["attest", "--set", "verifier.port=9"]]
        let settings = { (name: String) in ["--config", self.path(name)] }
        let listings =
            shown.map { verifier + $0 + settings("verifier.yaml") } + hosts.map { agent + $0 + settings("agent.yaml") }
        let others =
            refused.map { verifier + $0 + settings("verifier.yaml") } + files.map { verifier + $0 }
            + refusedHosts.map { agent + $0 + settings("agent.yaml") }
        return listings.map { Shown(words: $0, isListing: true) } + others.map { Shown(words: $0, isListing: false) }
    }

    fileprivate func output(of command: [String], onTerminal: Bool) async throws -> String {
        if onTerminal { return try await Terminal80.output(of: command, environment, in: folder) }
        let program = try Program(command[0], Array(command.dropFirst()), in: folder, environment: environment)
        _ = try await program.exitCode()
        // `policy diff` of a file with itself says nothing, and that is its answer.
        return program.output.isEmpty ? " " : program.output
    }
}

/// A terminal of 80 columns, which script(1) makes.
enum Terminal80 {
    /// What a command writes there.
    ///
    /// - Parameter command: one of our programs, and its words.
    static func output(of command: [String], _ variables: [String: String], in folder: URL) async throws -> String {
        let words = [Program.path(of: command[0])] + command.dropFirst()
        let line = "stty cols 80 rows 24; exec " + words.map { shellQuoted(Array($0.utf8)) }.joined(separator: " ")
        let program = try Program(
            path: "script", ["-qec", line, "/dev/null"], in: folder,
            environment: ["COLUMNS": "", "NO_COLOR": ""].merging(variables) { _, own in own })
        _ = try await program.exitCode()
        return program.output.isEmpty ? " " : program.output
    }
}

/// A folder for what programs write.
private final class Workspace: Sendable {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "assay-output-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func output(
        _ program: String, _ arguments: [String], _ variables: [String: String] = [:]
    ) async throws -> String {
        let program = try Program(program, arguments, in: folder, environment: variables)
        _ = try await program.exitCode()
        return program.output
    }
}

/// The commands of a program, as it tells them.
private enum CommandTree {
    private struct Dump: Decodable {
        let command: Command
    }

    private struct Command: Decodable {
        let commandName: String
        let subcommands: [Command]?

        var leaves: [[String]] {
            let below = (subcommands ?? []).filter { $0.commandName != "help" }
            guard !below.isEmpty else { return [[commandName]] }
            return [[commandName]] + below.flatMap { $0.leaves.map { [commandName] + $0 } }
        }
    }

    /// The words of each command, without the program's name, groups of commands among them.
    static func leaves(of program: String) async throws -> [[String]] {
        let folder = try Workspace()
        let text = try await folder.output(program, ["--experimental-dump-help"])
        let dump = try JSONDecoder().decode(Dump.self, from: Data(text.utf8))
        return dump.command.leaves.map { Array($0.dropFirst()) }
    }
}
