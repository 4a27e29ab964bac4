import Glibc

/// Asks whoever sits at the terminal for a secret, without showing it.
package enum SecretPrompt {
    /// Whether there is somebody to ask: standard input is a terminal.
    package static var isPossible: Bool { isatty(STDIN_FILENO) == 1 }

    /// Asks, and reads a line.
    ///
    /// What was typed or pasted before the question counts, too. Ctrl-C ends the process, as ever, with the terminal as it
    /// was.
    /// - Parameter limit: bytes; the rest of a longer line is passed over.
    /// - Throws: `unavailable` if the terminal doesn't do as it is told.
    package static func ask(_ question: String, limit: Int) throws(CommandFailure) -> [UInt8] {
        var former = termios()
        guard tcgetattr(STDIN_FILENO, &former) == 0 else { throw failure() }
        var silent = former
        // Without the terminal's own editing and signals: none of them may leave it without an echo.
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        guard tcsetattr(STDIN_FILENO, TCSADRAIN, &silent) == 0 else { throw failure() }
        Output.question(question)
        let line = readLine(limit)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &former)
        Output.notice("")
        guard let line else { Interruption.die(of: SIGINT) }
        return line
    }

    /// - Returns: nil for Ctrl-C.
    private static func readLine(_ limit: Int) -> [UInt8]? {
        var line: [UInt8] = []
        while let byte = readByte() {
            switch byte {
            case 0x03: return nil
            case 0x04, 0x0a, 0x0d: return line  // Ctrl-D, Enter
            case 0x08, 0x7f: _ = line.popLast()
            case 0x15: line = []  // Ctrl-U
            default: if line.count < limit { line.append(byte) }
            }
        }
        return line
    }

    private static func readByte() -> UInt8? {
        var byte: UInt8 = 0
        while true {
            switch read(STDIN_FILENO, &byte, 1) {
            case 1: return byte
            case -1 where errno == EINTR: continue
            default: return nil
            }
        }
    }

    private static func failure() -> CommandFailure {
        CommandFailure(.unavailable, "the terminal: \(String(cString: strerror(errno)))")
    }
}
