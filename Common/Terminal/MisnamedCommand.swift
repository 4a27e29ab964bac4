package import ArgumentParser
internal import Bytes

/// A command line that names no command where one must stand, and what was probably meant.
///
/// The parser itself says only that an argument is unexpected, and answers `help` for a command that there isn't with
/// the program's own help.
package struct MisnamedCommand: Error, Hashable, CustomStringConvertible {
    /// What is wrong, and what to type.
    package let description: String

    /// Looks at the words that name commands; nil if each of them does, whatever stands behind them.
    package init?(in arguments: [String], of root: any ParsableCommand.Type) {
        let asksForHelp = arguments.first == "help"
        let words = asksForHelp ? arguments.dropFirst().filter { !$0.hasPrefix("-") } : arguments
        guard let problem = Self.problem(words[...], [root]) else { return nil }
        description = problem
    }

    /// - Parameter path: the commands that were named so far, the program first.
    private static func problem(_ words: ArraySlice<String>, _ path: [any ParsableCommand.Type]) -> String? {
        guard let group = path.last, let word = words.first, !group.subcommands.isEmpty,
            group.configuration.defaultSubcommand == nil
        else { return nil }
        if let command = group.subcommand(word) { return problem(words.dropFirst(), path + [command]) }
        if word.hasPrefix("-") { return misplacedOption(words, path) }
        let line = path.map { $0._commandName }.joined(separator: " ")
        let unknown = "`\(line)` has no command \"\(escaped(word.utf8))\""
        let candidates = meant(by: words, path)
        guard candidates.isEmpty else { return "\(unknown): did you mean \(candidates.joined(separator: " or "))?" }
        let commands = group.subcommands.map { $0._commandName }.joined(separator: ", ")
        return "\(unknown), but \(commands); see `\(line) --help`"
    }

    /// The like of a word among a group's commands, and those of the same name elsewhere in the group.
    private static func meant(by words: ArraySlice<String>, _ path: [any ParsableCommand.Type]) -> [String] {
        guard let group = path.last, let word = words.first else { return [] }
        if let name = nearest(to: word, among: group.subcommands.map { $0._commandName }),
            let command = group.subcommand(name)
        {
            return [line(path + [command], words.dropFirst())]
        }
        return group.subcommands.compactMap { inner in
            inner.subcommand(word).map { line(path + [inner, $0], []) }
        }
    }

    /// The commands as they are typed, with those of the words behind them that name one.
    private static func line(_ path: [any ParsableCommand.Type], _ words: ArraySlice<String>) -> String {
        if let word = words.first, let command = path.last?.subcommand(word) {
            return line(path + [command], words.dropFirst())
        }
        return "`" + path.map { $0._commandName }.joined(separator: " ") + "`"
    }

    /// An option of a command that stands before it; nil if no command follows: then the parser's own words do.
    private static func misplacedOption(
        _ words: ArraySlice<String>, _ path: [any ParsableCommand.Type]
    ) -> String? {
        guard let group = path.last, let option = words.first, !common.contains(option), !option.hasPrefix("---"),
            let start = words.firstIndex(where: { group.subcommand($0) != nil })
        else { return nil }
        let name = option.prefix { $0 != "=" }
        return "\(escaped(name.utf8)) goes behind the command: \(line(path, words[start...])) \(escaped(name.utf8))"
    }

    /// Options that every command of a program has, groups of commands, too.
    private static let common: Set<String> = [
        "-h", "--help", "--help-hidden", "--version", "--generate-completion-script", "--experimental-dump-help",
    ]
}

extension ParsableCommand {
    fileprivate static var subcommands: [any ParsableCommand.Type] { configuration.subcommands }

    fileprivate static func subcommand(_ name: String) -> (any ParsableCommand.Type)? {
        subcommands.first { $0._commandName == name || $0.configuration.aliases.contains(name) }
    }
}
