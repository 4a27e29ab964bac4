import ArgumentParser
import Terminal
import Testing

@Suite("A command that there isn't") struct MisnamedCommandTests {
    private struct Program: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "x", subcommands: [Agents.self, Policy.self, Serve.self])
    }
    private struct Agents: ParsableCommand {
        static let configuration = CommandConfiguration(subcommands: [List.self, Show.self])
    }
    private struct Policy: ParsableCommand {
        static let configuration = CommandConfiguration(subcommands: [List.self, Assign.self])
    }
    private struct List: ParsableCommand { @Flag var json = false }
    private struct Show: ParsableCommand { @Argument var id: String }
    private struct Assign: ParsableCommand { @Argument var id: String }
    private struct Serve: ParsableCommand {}

    private func said(_ line: String) -> String? {
        MisnamedCommand(in: line.split(separator: " ").map(String.init), of: Program.self)?.description
    }

    @Test(
        "is answered with the one that was meant, at each level",
        arguments: [
            ("agent list", #"`x` has no command "agent": did you mean `x agents list`?"#),
            ("agnets", #"`x` has no command "agnets": did you mean `x agents`?"#),
            ("agents lst --json", #"`x agents` has no command "lst": did you mean `x agents list`?"#),
            ("list", #"`x` has no command "list": did you mean `x agents list` or `x policy list`?"#),
            ("assign web-1", #"`x` has no command "assign": did you mean `x policy assign`?"#),
            ("status", #"`x` has no command "status", but agents, policy, serve; see `x --help`"#),
            ("a\u{1b}[31m", #"`x` has no command "a\x1b[31m", but agents, policy, serve; see `x --help`"#),
            ("--json agents list", "--json goes behind the command: `x agents list` --json"),
            ("--store=/s agents list", "--store goes behind the command: `x agents list` --store"),
            ("agents --json list", "--json goes behind the command: `x agents list` --json"),
            ("help nope", #"`x` has no command "nope", but agents, policy, serve; see `x --help`"#),
            ("help agents lst", #"`x agents` has no command "lst": did you mean `x agents list`?"#),
        ])
    func said(line: String, expected: String) { #expect(said(line) == expected) }

    @Test(
        "isn't seen in a line whose commands there are, whatever else is wrong with it",
        arguments: [
            "", "agents", "agents list", "agents list extra", "agents show list", "agents show nope", "--help",
            "agents --help", "--version", "--nonsense", "help", "help agents list", "help agents show x",
            "---completion agents list", "serve agents",
        ])
    func right(line: String) { #expect(said(line) == nil) }
}
