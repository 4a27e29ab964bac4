package import ArgumentParser
import Dispatch
import Glibc

/// Why a command ends: what to tell the operator, and what its exit says.
package struct CommandFailure: Error, CustomStringConvertible {
    /// The exit.
    package let status: ExitStatus
    /// A sentence, or empty if all was said.
    package let description: String

    /// Ends a command.
    package init(_ status: ExitStatus, _ description: String = "") {
        self.status = status
        self.description = description
    }

    /// Something that the command stands on can't be reached, read or written.
    package static func unavailable(_ error: any Error) -> CommandFailure {
        CommandFailure(.unavailable, "\(error)")
    }

    /// The command line or the configuration can't be used.
    package static func usage(_ error: any Error) -> CommandFailure {
        CommandFailure(.usage, "\(error)")
    }
}

/// Runs a program's command line.
///
/// Synchronous, so that it comes before the event queues that Swift's concurrency opens: they, too, would take the numbers
/// of closed standard descriptors.
///
/// - Parameter putAway: does what must not be left undone, however the command ends: by itself, or because a signal asks
///   for it. Nil if there is nothing: then signals have their usual effect.
package func runProgram<Root: AsyncParsableCommand & SendableMetatype>(
    _ root: Root.Type, puttingAway putAway: (@Sendable () async -> Void)? = nil
) -> Never {
    Output.holdStandardDescriptors()
    if let putAway { Interruption.watch(puttingAway: putAway) }
    Task { @MainActor in
        let status = await status(of: root, arguments: nil)
        await putAway?()
        exit(status.rawValue)
    }
    dispatchMain()
}

/// Parses the command line, runs the command and ends the process.
///
/// - Parameter arguments: nil takes the process's.
package func runCommand<Root: AsyncParsableCommand>(_ root: Root.Type, arguments: [String]? = nil) async -> Never {
    exit(await status(of: root, arguments: arguments).rawValue)
}

/// Parses the command line and runs the command; says what went wrong.
private func status<Root: AsyncParsableCommand>(of root: Root.Type, arguments: [String]?) async -> ExitStatus {
    do {
        if let misnamed = MisnamedCommand(in: arguments ?? Array(CommandLine.arguments.dropFirst()), of: root) {
            throw CommandFailure.usage(misnamed)
        }
        var command = try root.parseAsRoot(arguments)
        if var asynchronous = command as? any AsyncParsableCommand {
            try await asynchronous.run()
        } else {
            try command.run()
        }
        if let failure = lostOutput { throw failure }
        return .done
    } catch let failure as CommandFailure {
        if !failure.description.isEmpty { Output.notice("\(root._commandName): \(failure)") }
        // What the exit says stays true, and is all that a script gets.
        if failure.description.isEmpty, let lostOutput { Output.notice("\(root._commandName): \(lostOutput)") }
        return failure.status
    } catch {
        let isAsked = root.exitCode(for: error) == .success  // --help, --version
        if isAsked { Output.line(root.fullMessage(for: error)) } else { Output.notice(root.fullMessage(for: error)) }
        return isAsked ? .done : .usage
    }
}

private var lostOutput: CommandFailure? {
    Output.failure.map {
        CommandFailure(
            .unavailable, "standard output: \($0); what was done is done, but not all of its output is there")
    }
}
