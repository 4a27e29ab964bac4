import ArgumentParser
import Terminal
import Testing

@Suite("Terminal output") struct TerminalTests {
    @Test(
        "A bar is filled in proportion and never beyond",
        arguments: [
            (0, 100, "░░░░ 0 %"), (1, 100, "░░░░ 1 %"), (25, 100, "█░░░ 25 %"), (99, 100, "███░ 99 %"),
            (100, 100, "████ 100 %"), (101, 100, "████ 100 %"), (0, 0, "████ 100 %"), (.max, .max, "████ 100 %"),
        ] as [(UInt64, UInt64, String)])
    func bar(done: UInt64, total: UInt64, expected: String) {
        #expect(ProgressBar(width: 4, drawing: .unicode).line(done: done, total: total) == expected)
    }

    @Test("A bar has at least one cell, whatever is asked", arguments: [-1, 0, 1])
    func narrow(width: Int) {
        #expect(ProgressBar(width: width, drawing: .unicode).line(done: 0, total: 1) == "░ 0 %")
    }

    @Test(
        "Sizes are cut to a tenth, in binary units",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1535, "1.4 KiB"), (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"), (1024 * 1024, "1.0 MiB"), (24_222_106, "23.1 MiB"), (4 << 30, "4.0 GiB"),
            (1 << 40, "1.0 TiB"), (1 << 50, "1.0 PiB"), (.max, "15.9 EiB"),
        ] as [(UInt64, String)])
    func sizes(bytes: UInt64, expected: String) {
        #expect(readableSize(bytes) == expected)
    }

    @Test(
        "Counts have their digits in threes",
        arguments: [
            (0, "0"), (999, "999"), (1000, "1,000"), (120_479, "120,479"), (1_000_000, "1,000,000"),
            (.max, "18,446,744,073,709,551,615"),
        ] as [(UInt64, String)])
    func counts(count: UInt64, expected: String) {
        #expect(readableCount(count) == expected)
    }

    @Test("An exit tells a script the tier, or what is wrong")
    func statuses() {
        #expect(ExitStatus.done.rawValue == 0 && ExitStatus.contraindicated.rawValue == 1)
        #expect(ExitStatus.usage.rawValue == 2 && ExitStatus.unavailable.rawValue == 3)
        #expect(ExitStatus.noVerdict.rawValue == 4)
        let help = ExitStatus.help([.contraindicated: "it doesn't", .done: "it loads"])
        #expect(help == "Exit: 0 it loads; 1 it doesn't.")
        #expect(ExitStatus.help.hasPrefix("Exit: 0 ") && ExitStatus.help.hasSuffix("; 4 no verdict."))
        #expect(CommandFailure(.contraindicated).description.isEmpty)
        let error = CommandFailure(.usage, "no such key")
        #expect(CommandFailure.unavailable(error).status == .unavailable)
        #expect(
            CommandFailure.usage(error).status == .usage && CommandFailure.usage(error).description == "no such key")
    }
}

/// A command that ends as it is told.
private struct Ending: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ending", version: "1.2.3")

    @Option var status: Int32 = 0

    func run() async throws {
        if let failure = ExitStatus(rawValue: status), failure != .done { throw CommandFailure(failure, "told so") }
    }
}

extension Ending {
    static func run(_ arguments: String...) async -> Never { await runCommand(Ending.self, arguments: arguments) }
}

@Suite("A command's exit") struct ExitTests {
    @Test("is 0 when all is done, and for --help and --version")
    func done() async {
        await #expect(processExitsWith: .exitCode(0)) { await Ending.run() }
        await #expect(processExitsWith: .exitCode(0)) { await Ending.run("--help") }
        await #expect(processExitsWith: .exitCode(0)) { await Ending.run("--version") }
    }

    @Test("is 2 for a command line that can't be used")
    func usage() async {
        await #expect(processExitsWith: .exitCode(2)) { await Ending.run("--unknown") }
        await #expect(processExitsWith: .exitCode(2)) { await Ending.run("--status", "many") }
        await #expect(processExitsWith: .exitCode(2)) { await Ending.run("--status", "2") }
    }

    @Test("is the failure's, with its sentence on standard error")
    func failures() async throws {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            await Ending.run("--status", "1")
        }
        let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(text.contains("ending: told so\n"))
        await #expect(processExitsWith: .exitCode(3)) { await Ending.run("--status", "3") }
        await #expect(processExitsWith: .exitCode(4)) { await Ending.run("--status", "4") }
    }
}
