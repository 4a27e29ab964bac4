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
    func applied(to text: String) -> String { "\u{1b}[\(parameter)m\(text)\u{1b}[0m" }
}
