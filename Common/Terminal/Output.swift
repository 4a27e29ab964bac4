import Glibc
import Synchronization

/// Standard output and standard error, as a command uses them: text to the first, notices to the second.
package enum Output {
    /// Writes a line to standard output.
    package static func line(_ text: String = "") {
        write(text + "\n", to: STDOUT_FILENO)
    }

    /// Writes lines to standard output, many at a time.
    package static func lines(_ lines: some Sequence<String>) {
        var text = ""
        for line in lines {
            text += line
            text += "\n"
            guard text.utf8.count > 1 << 16 else { continue }
            write(text, to: STDOUT_FILENO)
            text = ""
        }
        if !text.isEmpty { write(text, to: STDOUT_FILENO) }
    }

    /// Writes bytes as they are to standard output.
    package static func bytes(_ bytes: [UInt8]) {
        write(bytes[...], to: STDOUT_FILENO)
    }

    /// Writes a line to standard error.
    package static func notice(_ text: String) {
        write(text + "\n", to: STDERR_FILENO)
    }

    /// Asks a question on standard error; the answer is typed on the same line.
    static func question(_ text: String) {
        write(text, to: STDERR_FILENO)
    }

    /// Overwrites the current line of a terminal; where none can be overwritten, nothing.
    package static func transient(_ text: String) {
        guard medium.overwrites else { return }
        // A line that goes on below would stay there.
        let room = medium.width.map { max(1, $0 - 1) } ?? text.count
        write("\r\u{1b}[K" + text.prefix(room), to: STDOUT_FILENO)
    }

    /// Why something that was for standard output is lost, as the system says it; nil if nothing is.
    ///
    /// A pipe whose reader has gone loses nothing: nobody wants more.
    package static var failure: String? {
        let number = lost.load(ordering: .relaxed)
        return number == 0 ? nil : String(cString: strerror(number))
    }

    private static let lost = Atomic<Int32>(0)

    /// Keeps the numbers of closed standard descriptors from the files that are opened next: a line that was meant for the
    /// operator would go into the store. Using one fails as if it were closed (as in glibc, csu/check_fds.c).
    static func holdStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is given: this one, for those below it are taken by now.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        write(Array(text.utf8)[...], to: descriptor)
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) {
        var bytes = bytes
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                if errno != EPIPE, descriptor == STDOUT_FILENO { lost.store(errno, ordering: .relaxed) }
                return
            }
            bytes = bytes.dropFirst(written)
        }
    }
}
