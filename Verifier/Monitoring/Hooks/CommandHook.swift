internal import FoundationEssentials
internal import Subprocess
package import SystemPackage

/// Runs a program for each change: the event as JSON on its standard input, and in environment variables.
///
/// No shell is between. The program gets `PATH` and the event's variables, and nothing else of the verifier's
/// environment or descriptors; what it says to standard error joins the verifier's log.
package struct CommandHook: Hook {
    private let path: FilePath

    package var kind: HookKind { .command }

    /// - Parameter path: of the program.
    /// - Throws: if it isn't an absolute path of a program that may be run.
    package init(path: FilePath) throws(HookError) {
        guard path.isAbsolute else { throw HookError("hooks.command is \(path), which isn't an absolute path") }
        guard FileManager.default.isExecutableFile(atPath: path.string) else {
            throw HookError("hooks.command is \(path), which isn't a program that this user may run")
        }
        self.path = path
    }

    package func deliver(_ change: TierChange) async throws {
        var variables = change.environment
        variables["PATH"] = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        var options = PlatformOptions()
        // A group of its own: a signal for the verifier's group isn't meant for it.
        options.processGroupID = 0
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500)),
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero),
        ]
        let input = try Self.filled(with: change.json + "\n")
        let result = try await Subprocess.run(
            .path(path),
            environment: .custom(
                Dictionary(
                    uniqueKeysWithValues: variables.compactMap { name, value in
                        Environment.Key(rawValue: name).map { ($0, value) }
                    })),
            platformOptions: options,
            input: .fileDescriptor(input, closeAfterSpawningProcess: true), output: .discarded,
            error: .currentStandardError)
        guard result.terminationStatus.isSuccess else {
            throw HookError("\(path) ended with \(result.terminationStatus)")
        }
    }

    /// A pipe to read a text from that is all in it already: so nothing is left to write to a program that doesn't read.
    private static func filled(with text: String) throws -> FileDescriptor {
        let (reading, writing) = try FileDescriptor.pipe()
        do {
            defer { try? writing.close() }
            // pipe(7): what is no longer than this can't block in an empty pipe.
            guard text.utf8.count <= 4096 else { throw HookError("an event of \(text.utf8.count) bytes is too long") }
            try writing.writeAll(text.utf8)
        } catch {
            try? reading.close()
            throw error
        }
        return reading
    }
}
