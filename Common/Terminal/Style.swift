import Glibc

/// What a word means to whoever reads it. On a terminal it is a colour; the word says the same without.
package enum Style: Hashable, Sendable {
    case good
    case caution
    case bad
    /// Of less interest than the rest.
    case faint

    /// ECMA-48's select graphic rendition.
    private var parameter: String {
        switch self {
        case .good: "32"
        case .caution: "33"
        case .bad: "31;1"
        case .faint: "2"
        }
    }

    /// The text in this style.
    package func applied(to text: String) -> String { "\u{1b}[\(parameter)m\(text)\u{1b}[0m" }
}

extension Output {
    /// Whether standard output shows colours: a terminal that isn't dumb, and nobody has set NO_COLOR
    /// (https://no-color.org).
    package static var showsColour: Bool {
        isTerminal && !isSet("NO_COLOR") && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    private static func isSet(_ variable: String) -> Bool {
        getenv(variable).map { $0.pointee != 0 } ?? false
    }
}
