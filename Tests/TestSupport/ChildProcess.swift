internal import Foundation
internal import Glibc

/// A program that a test runs beside itself, ended at the latest with its owner.
///
/// Foundation's Process won't do: a child inherits the blocked signals of the thread that starts it, and the threads of
/// Swift's tasks block all of them, so that `terminate` ends nothing.
package struct ChildProcess: ~Copyable, Sendable {
    /// The process id.
    package let id: Int32
    private var status: Int32?

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - program: a path, or a name to be found through PATH.
    ///   - input: a file, or a terminal, that is its standard input; nil closes it off.
    ///   - output: a file that standard output and error are appended to; nil closes them off, too.
    ///   - environment: variables over those of this process.
    package init(
        _ program: String, _ arguments: [String], input: String? = nil, output: String? = nil,
        environment: [String: String] = [:]
    ) throws(ChildProcessFailure) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input ?? "/dev/null", O_RDWR | O_NOCTTY, 0)
        for descriptor in Int32(1)...2 {
            guard let output else {
                posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
                continue
            }
            posix_spawn_file_actions_addopen(&actions, descriptor, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        // What other tests have open stays theirs: a socket held here would never look closed to its peer.
        for descriptor in 3..<min(getdtablesize(), 4096) { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        // What the tests themselves were started to ignore (nohup, the background of a shell) is not for their programs.
        for signal in [SIGINT, SIGQUIT, SIGHUP] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var variables =
            ProcessInfo.processInfo.environment.merging(environment) { _, own in own }
            .map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for variable in variables { free(variable) } }
        var id: pid_t = 0
        let failure = posix_spawnp(&id, program, &actions, &attributes, &arguments, &variables)
        guard failure == 0 else { throw ChildProcessFailure(program: program, errno: failure) }
        self.id = id
    }

    deinit {
        guard status == nil else { return }
        Glibc.kill(id, SIGKILL)
        var status: Int32 = 0
        waitpid(id, &status, 0)
    }

    /// Whether it has not ended yet.
    package var isRunning: Bool {
        mutating get {
            if status == nil {
                var now: Int32 = 0
                if waitpid(id, &now, WNOHANG) == id { status = now }
            }
            return status == nil
        }
    }

    /// What it gave to exit; nil while it runs, and if a signal has ended it.
    package var exitCode: Int32? {
        mutating get {
            // As WIFEXITED and WEXITSTATUS have it, which are macros that Swift doesn't import.
            guard !isRunning, let status, status & 0x7f == 0 else { return nil }
            return status >> 8 & 0xff
        }
    }

    /// Sends a signal, unless it has ended, and doesn't wait.
    package mutating func send(_ signal: Int32) {
        if isRunning { Glibc.kill(id, signal) }
    }

    /// Sends a signal, unless it has ended, and waits for its end.
    package mutating func end(_ signal: Int32 = SIGTERM) {
        guard isRunning else { return }
        Glibc.kill(id, signal)
        var last: Int32 = 0
        waitpid(id, &last, 0)
        status = last
    }
}

/// Why a program did not start.
package struct ChildProcessFailure: Error, CustomStringConvertible {
    package let program: String
    package let errno: Int32

    package var description: String { "\(program) does not start: \(String(cString: strerror(errno)))" }
}
