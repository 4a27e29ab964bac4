import ArgumentParser
import Files
import Messages
import Terminal

/// Where `assay-agent join` takes the token from. Only an argument shows it to other users of the host, who see the
/// command lines of all processes, and keeps it in a shell's history.
struct TokenSource: ParsableArguments {
    /// What a token and some words around it may take, in bytes.
    private static let limit = 4096

    @Argument(
        help: """
            The token that `assay-verifier invite` printed, or - to read it from standard input. Without it, and on a \
            terminal, it is asked for. On the command line other users of this host may see it.
            """)
    var token: String?

    @Option(help: ArgumentHelp("The file that holds the token.", valueName: "file"), completion: .file())
    var tokenFile: String?

    func validate() throws {
        guard token == nil || tokenFile == nil else {
            throw ValidationError("give the token or --token-file, not both")
        }
    }

    /// Reads the token; asks for it if need be.
    func read() throws(CommandFailure) -> JoinToken {
        let text = try text()
        // Whoever copies or pipes more than the token means the token.
        let words = text.split(whereSeparator: \.isWhitespace)
        let word = words.first { $0.lowercased().hasPrefix("assayjoin") } ?? words.first
        guard let word else { throw CommandFailure(.usage, "no token came; give what `assay-verifier invite` printed") }
        do {
            return try JoinToken(String(word))
        } catch {
            throw .usage(error)
        }
    }

    private func text() throws(CommandFailure) -> String {
        if let tokenFile { return try Self.contents(of: tokenFile) }
        if let token, token != "-" { return token }
        if SecretPrompt.isPossible {
            let answer = try SecretPrompt.ask("Token (assay-verifier invite prints it): ", limit: Self.limit)
            return String(decoding: answer, as: UTF8.self)
        }
        guard token == "-" else {
            throw CommandFailure(
                .usage,
                "no token was given: pipe it into `assay-agent join -`, name its file with --token-file, or run this in a "
                    + "terminal, where it is asked for")
        }
        // What can't be read is no token, which is told.
        return String(decoding: (try? standardInput(limit: Self.limit)) ?? [], as: UTF8.self)
    }

    private static func contents(of file: String) throws(CommandFailure) -> String {
        let found: [UInt8]?
        do {
            found = try Files.contents(ofFile: file, limit: limit)
        } catch {
            throw .unavailable(error)
        }
        guard let found else { throw CommandFailure(.unavailable, "there is no token at \(file)") }
        return String(decoding: found, as: UTF8.self)
    }
}
