import Glibc

/// What standard output can show, and how wide it is: the only place that asks the environment.
///
/// - SeeAlso: https://no-color.org; POSIX, Environment Variables, for LC_ALL, LC_CTYPE, LANG, TERM and COLUMNS.
package struct Medium: Hashable, Sendable {
    /// Whether words are coloured.
    package let showsColour: Bool
    /// Whether a line can be overwritten, as a progress bar's is.
    package let overwrites: Bool
    /// What bars and trees are drawn with.
    package let drawing: Drawing
    /// How many columns a line has; nil where lines may be of any length, as in a pipe.
    package let width: Int?

    /// - Parameters:
    ///   - isTerminal: whether somebody looks at it.
    ///   - columns: of the terminal's window, as the system says it; 0 if it doesn't.
    ///   - variable: the environment.
    package init(isTerminal: Bool, columns: Int, variable: (String) -> String?) {
        func value(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
        let isCapable = isTerminal && value("TERM").map { $0 != "dumb" } ?? false
        showsColour = isCapable && value("NO_COLOR") == nil
        overwrites = isCapable
        let locale = value("LC_ALL") ?? value("LC_CTYPE") ?? value("LANG") ?? "C"
        drawing = Self.isUnicode(locale) ? .unicode : .ascii
        let wanted = value("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        width = isTerminal ? wanted ?? (columns > 0 ? columns : 80) : nil
    }

    /// Standard output's.
    static func standardOutput() -> Medium {
        var window = winsize()
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let columns = isTerminal && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0 ? Int(window.ws_col) : 0
        return Medium(isTerminal: isTerminal, columns: columns) { name in getenv(name).map { String(cString: $0) } }
    }

    /// Words in a style, where colours are shown.
    package func styled(_ text: String, _ style: Style) -> String {
        showsColour ? style.applied(to: text) : text
    }

    /// Whether a locale's characters are Unicode's, by the codeset in its name: `de_DE.UTF-8`, `C.utf8`.
    private static func isUnicode(_ locale: String) -> Bool {
        let codeset = locale.drop { $0 != "." }.dropFirst().prefix { $0 != "@" }
        return ["utf-8", "utf8"].contains(codeset.lowercased())
    }
}

extension Output {
    /// What standard output can show.
    package static let medium = Medium.standardOutput()

    /// Writes a table, as wide as the terminal.
    package static func table(_ table: Table) {
        bytes(table.text(coloured: medium.showsColour, width: medium.width))
    }

    /// Writes a text behind a prefix, broken at blanks where the terminal ends, below where it begins.
    package static func paragraph(_ prefix: String, _ text: String) {
        lines(Terminal.paragraph(prefix, text, width: medium.width))
    }

    /// The same of a text that may have blanks before it.
    package static func paragraph(_ text: String) { paragraph("", text) }
}
