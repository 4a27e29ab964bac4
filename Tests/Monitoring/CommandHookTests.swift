import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Monitoring

@Suite("A command that is told", .timeLimit(.minutes(2))) struct CommandHookTests {
    /// A script in a folder of its own; `$here` is the folder.
    private func withScript(_ lines: String, _ body: (CommandHook, URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-hook-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = folder.appending(path: "hook")
        try Data("#!/bin/sh\nhere='\(folder.path)'\n\(lines)\n".utf8).write(to: script)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: script.path)
        try await body(try CommandHook(path: FilePath(script.path)), folder)
    }

    private func text(_ folder: URL, _ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    @Test("has the event on standard input and in variables, and nothing of the verifier's else")
    func told() async throws {
        let change = try Samples.change()
        // What a careless library would hand on; the tests have sockets open, too.
        let leaked = FileManager.default.temporaryDirectory.appending(path: "assay-leaked-\(UUID().uuidString)")
        let descriptor = open(leaked.path, O_CREAT | O_RDWR, 0o600)
        defer {
            close(descriptor)
            unlink(leaked.path)
        }
        setenv("ASSAY_TEST_SECRET", "1", 1)
        defer { unsetenv("ASSAY_TEST_SECRET") }
        try await withScript("cat >$here/input\nenv >$here/environment\nls -l /proc/$$/fd >$here/open") {
            hook, folder in
            try await hook.deliver(change)
            #expect(try text(folder, "input") == change.json + "\n")
            let variables = Set(try text(folder, "environment").split(separator: "\n").map(String.init))
            for (name, value) in change.environment { #expect(variables.contains("\(name)=\(value)")) }
            #expect(!variables.contains { $0.hasPrefix("ASSAY_TEST_SECRET") || $0.hasPrefix("HOME=") })
            // Beyond the first three only what is the shell's own: its script, and its output put by.
            let others = try text(folder, "open").split(separator: "\n").compactMap { line -> Substring? in
                let parts = line.split(separator: " -> ")
                guard parts.count == 2, let number = parts[0].split(separator: " ").last.flatMap({ Int($0) }) else {
                    return nil
                }
                return number > 2 ? parts[1] : nil
            }
            let own = folder.resolvingSymlinksInPath().path
            #expect(others.allSatisfy { $0.hasPrefix(own) || $0 == "/dev/null" }, "\(others)")
        }
    }

    @Test("may ignore its input")
    func ignored() async throws {
        let hook = try CommandHook(path: "/bin/true")
        for _ in 0..<20 { try await hook.deliver(try Samples.change()) }
    }

    @Test("that is gone, or isn't a program any more, is an error")
    func gone() async throws {
        try await withScript("true") { hook, folder in
            let script = folder.appending(path: "hook")
            try Data([0x7f, 0x45, 0x4c, 0x46, 0]).write(to: script)
            await #expect(throws: (any Error).self) { try await hook.deliver(try Samples.change()) }
            try FileManager.default.removeItem(at: script)
            await #expect(throws: (any Error).self) { try await hook.deliver(try Samples.change()) }
        }
    }

    @Test("has failed if it doesn't exit with 0")
    func failed() async throws {
        try await withScript("exit 7") { hook, _ in
            let error = await #expect(throws: HookError.self) { try await hook.deliver(try Samples.change()) }
            #expect(error?.description.contains("7") == true)
        }
    }

    @Test("is ended, with what it has started, when its time is over")
    func ended() async throws {
        try await withScript("trap '' TERM\nsleep 600 &\necho $$ $! >$here/processes\nwait") { hook, folder in
            let delivery = Task { try await hook.deliver(try Samples.change()) }
            var processes: [Int32] = []
            while processes.count < 2 {
                try await Task.sleep(for: .milliseconds(5))
                processes =
                    (try? text(folder, "processes"))?.split(whereSeparator: \.isWhitespace).compactMap {
                        Int32($0)
                    } ?? []
            }
            delivery.cancel()
            _ = await delivery.result
            for process in processes {
                while isRunning(process) { try await Task.sleep(for: .milliseconds(5)) }
            }
        }
    }

    /// Whether a process still runs; one that has ended and isn't waited for yet doesn't.
    private func isRunning(_ process: Int32) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return stat.split(separator: ") ").last?.hasPrefix("Z") == false
    }

    @Test(
        "is refused, with the setting's name, if it can't be run",
        arguments: ["hook.sh", "/nonexistent/hook", "/etc/passwd"])
    func refused(path: String) throws {
        let error = #expect(throws: HookError.self) { try CommandHook(path: FilePath(path)) }
        #expect(error?.description.contains("hooks.command") == true)
    }
}
