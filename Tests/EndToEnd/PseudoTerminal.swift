import Glibc

/// Both ends of a terminal: a program has one, a test types at the other.
final class PseudoTerminal {
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
