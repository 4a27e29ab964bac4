import Foundation
import Glibc
import Testing

/// Both ends of a terminal: a program has one, a test types at the other.
private final class PseudoTerminal {
    /// What a program opens.
    let path: String
    private let descriptor: Int32
    /// Keeps the terminal's settings from being forgotten while no program has it open.
    private let other: Int32

    init() throws {
        descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (isLocked, number) = (Int32(0), Int32(-1))
        // As unlockpt and ptsname do it, which Swift doesn't import: TIOCSPTLCK and TIOCGPTN of linux/ioctl_tty.
        guard descriptor >= 0, ioctl(descriptor, 0x4004_5431, &isLocked) == 0,
            ioctl(descriptor, 0x8004_5430, &number) == 0
        else { throw Unexpected("no pseudo terminal") }
        path = "/dev/pts/\(number)"
        other = open(path, O_RDWR | O_NOCTTY)
    }

    deinit {
        close(other)
        close(descriptor)
    }

    func type(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// What the terminal has shown.
    var shown: String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 100) == 1 else { return "" }
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    /// Whether it shows what is typed, as a shell wants it.
    var hasEcho: Bool {
        var settings = termios()
        let flags = tcflag_t(ECHO | ICANON | ISIG)
        return tcgetattr(other, &settings) == 0 && settings.c_lflag & flags == flags
    }
}

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
