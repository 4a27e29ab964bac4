import ArgumentParser
import Foundation
import Testing

@testable import assay_agent
@testable import assay_verifier

/// A command line of one of the programs, as a page or a program's help shows it.
struct ShownCommandLine: Sendable, CustomTestStringConvertible {
    /// Where it stands.
    let place: String
    /// The program, and its arguments.
    let words: [String]
    /// Whether one could run it as it stands: not if it is named within a sentence, without the arguments that it takes.
    let isWhole: Bool

    var testDescription: String { "\(place): \(words.joined(separator: " "))" }
}

/// A program, with every command that it has.
struct DocumentedProgram: Sendable {
    let root: any ParsableCommand.Type

    static let all = [DocumentedProgram(root: AgentCommand.self), DocumentedProgram(root: VerifierCommand.self)]

    var name: String { root._commandName }

    /// The root and all below it.
    var commands: [any ParsableCommand.Type] {
        var (found, index) = ([root], 0)
        while index < found.count {
            found += found[index].configuration.subcommands
            index += 1
        }
        return found
    }

    /// What `--help` of each command says, unwrapped.
    var helps: [String] {
        commands.map { root.helpMessage(for: $0, includeHidden: false, columns: 10_000) }
    }

    /// The options of its commands, by their long names.
    var options: Set<String> {
        Set(helps.flatMap { $0.matches(of: #/(?m)^  (?:-\w, )?(--[a-z0-9-]+)/#).map { String($0.1) } })
    }

    /// Whether the words begin with the names of a command and of one below it.
    func hasCommand(_ words: [String]) -> Bool {
        guard words.count > 1, let group = root.configuration.subcommands.first(where: { $0._commandName == words[0] })
        else { return false }
        return group.configuration.subcommands.contains { $0._commandName == words[1] }
    }
}

/// A page, or the help of a command.
struct ShownText: Sendable, CustomTestStringConvertible {
    let place: String
    let text: String

    var testDescription: String { place }

    static func pages() throws -> [ShownText] {
        let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = try FileManager.default.contentsOfDirectory(
            at: top.appending(path: "Docs"), includingPropertiesForKeys: nil)
        return try ([top.appending(path: "README.md")] + folder.filter { $0.pathExtension == "md" }).map { url in
            let text = try String(contentsOf: url, encoding: .utf8)
            return ShownText(place: url.lastPathComponent, text: text.replacing(#/(?s)<!--.*?-->/#, with: ""))
        }
    }

    static let helps = DocumentedProgram.all.flatMap { program in
        program.helps.map { ShownText(place: "\(program.name) --help", text: $0) }
    }

    private static var fence: Regex<(Substring, Substring, Substring)> { #/(?ms)^```(\w+)\n(.*?)^```$/# }

    /// The commands of a page's blocks.
    var blockLines: [String] {
        text.matches(of: Self.fence).flatMap { block -> [String] in
            let lines = joined(String(block.2)).split(separator: "\n").map(String.init)
            switch block.1 {
            case "sh": return lines
            case "console": return lines.filter { $0.hasPrefix("$ ") }.map { String($0.dropFirst(2)) }
            default: return []
            }
        }
    }

    /// The lines of a help that show a command.
    var exampleLines: [String] {
        joined(text).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { line in DocumentedProgram.all.contains { line.hasPrefix($0.name + " ") } }
    }

    /// What stands between backquotes within the text.
    var spans: [String] {
        text.replacing(Self.fence, with: "").matches(of: #/`([^`]+)`/#).map {
            String($0.1).replacing(#/\s+/#, with: " ")
        }
    }

    /// The command lines of our programs in a line of a shell, or in a span that names a command of theirs.
    func commandLines(in line: String, isWhole: Bool) -> [ShownCommandLine] {
        let commands = line.replacing(#/(^|\s)#.*/#, with: "").split(separator: #/&&|\|\||[|;&]/#)
        return commands.compactMap { command in
            let words = command.replacing(#/[0-9]?>+.*/#, with: "").split(separator: " ")
                .map { Self.filled(String($0)) }.filter { $0 != "…" && $0 != "\\" }
            guard words.first != "systemctl" else { return nil }
            if let start = words.firstIndex(where: { word in DocumentedProgram.all.contains { $0.name == word } }) {
                return ShownCommandLine(place: place, words: Array(words[start...]), isWhole: isWhole)
            }
            guard !isWhole, let program = DocumentedProgram.all.first(where: { $0.hasCommand(words) }) else {
                return nil
            }
            return ShownCommandLine(place: place, words: [program.name] + words, isWhole: false)
        }
    }

    /// The option that a word or a span begins with, if it does.
    static func option(_ text: String) -> String? {
        text.hasPrefix("--") && text.count > 2 ? String(text.prefix { $0 != " " && $0 != "=" }) : nil
    }

    /// Lines that end with a backslash go on in the next.
    private func joined(_ text: String) -> String { text.replacing(#/\\\n\s*/#, with: "") }

    /// A word with what a reader, or the shell, puts in the place of capitals and variables: a hash where it is one's name.
    private static func filled(_ word: String) -> String {
        word.replacing(#/HEX|^SHA256$|^\$hash$/#, with: String(repeating: "0", count: 64)).replacing(#/^N$/#, with: "1")
    }
}
