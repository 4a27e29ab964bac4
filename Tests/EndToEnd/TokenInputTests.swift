import Foundation
import Testing

extension EndToEnd {
    @Suite("A token that no command line shows") struct TokenInputTests {
        private func withVerifier(_ body: (Newcomer) async throws -> Void) async throws {
            try await Newcomer.run { newcomer in
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                try await newcomer.putPolicy(allowing: try KernelLogs.prefix(2))
                let verifier = try await newcomer.serve()
                try await body(newcomer)
                verifier.kill()
            }
        }

        @Test("comes from standard input, with or without words around it") func standardInput() async throws {
            try await withVerifier { newcomer in
                for (text, id) in [("\(try await newcomer.invite(["--id", "web-1"]))", "web-1"), ("", "web-1")] {
                    // The second time it is the whole of what another release has printed.
                    let input = text.isEmpty ? "assay-agent join \(try await newcomer.invite(["--id", id]))" : text
                    let program = try newcomer.startAgent(
                        ["join", "-"] + newcomer.joinOptions(), input: try newcomer.file("\n " + input))
                    #expect(try await program.exitCode() == 0, "\(program.output)")
                    #expect(program.output.contains("as web-1"))
                }
                let invited = try await newcomer.verifier(["invite", "--policy", "allowed", "--json"])
                #expect(invited.output.contains(#""command":"assay-agent join -""#), "\(invited.output)")
            }
        }

        @Test("is asked for on a terminal, which doesn't show it and is left as it was") func prompt() async throws {
            try await withVerifier { newcomer in
                let token = try await newcomer.invite(["--id", "web-1"])
                for arguments in [["join"], ["join", "-"]] {
                    let terminal = try PseudoTerminal()
                    let program = try newcomer.startAgent(arguments + newcomer.joinOptions(), input: terminal.path)
                    try await program.wait(for: "Token (")
                    terminal.type("nonsense\u{15}x\u{7f}" + token + "\n")
                    #expect(try await program.exitCode() == 0, "\(program.output)")
                    #expect(program.output.contains("as web-1"))
                    #expect(!program.output.contains("assayjoin") && !terminal.shown.contains("assayjoin"))
                    #expect(terminal.hasEcho)
                }
            }
        }

        @Test("Ctrl-C at the question ends it by the signal, with the terminal as it was") func interrupted()
            async throws
        {
            try await Newcomer.run { newcomer in
                let terminal = try PseudoTerminal()
                let program = try newcomer.startAgent(["join"] + newcomer.joinOptions(), input: terminal.path)
                try await program.wait(for: "Token (")
                #expect(!terminal.hasEcho)
                terminal.type("assayjoin1_\u{3}")
                #expect(try await program.exitCode() == nil)
                #expect(terminal.hasEcho)
            }
        }

        @Test("that doesn't come, or comes twice, is an error of usage that says how to give it") func missing()
            async throws
        {
            try await Newcomer.run { newcomer in
                let cases: [([String], String?, Int32, String)] = [
                    ([], nil, 2, "--token-file"),
                    (["-"], nil, 2, "no token came"),
                    (["-"], try newcomer.file("no token here"), 2, "not a token"),
                    (["--token-file", newcomer.path("nowhere")], nil, 3, "there is no token at"),
                    (["--token-file", try newcomer.file("")], nil, 2, "no token came"),
                    (["--token-file", try newcomer.file(String(repeating: "x", count: 5000))], nil, 2, "not a token"),
                    (["--token-file", newcomer.folder.path], nil, 3, "Is a directory"),
                    (["assayjoin1_x", "--token-file", "x"], nil, 2, "not both"),
                ]
                for (arguments, input, exit, words) in cases {
                    let program = try newcomer.startAgent(["join"] + arguments + newcomer.joinOptions(), input: input)
                    #expect(try await program.exitCode() == exit, "\(arguments): \(program.output)")
                    #expect(program.output.contains(words), "\(arguments): \(program.output)")
                }
            }
        }
    }
}
