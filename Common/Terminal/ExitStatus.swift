/// What a command's exit tells a script.
package enum ExitStatus: Int32, CaseIterable, Sendable {
    /// Done; or the tier is affirming or warning.
    case done = 0
    /// The tier is contraindicated.
    case contraindicated = 1
    /// The command line or the configuration can't be used.
    case usage = 2
    /// Something can't be reached, read or written.
    case unavailable = 3
    /// The tier is none.
    case noVerdict = 4

    /// What it tells, of every command that has no words of its own for it.
    var meaning: String {
        switch self {
        case .done: "done, affirming or warning"
        case .contraindicated: "contraindicated"
        case .usage: "usage or configuration"
        case .unavailable: "unreachable or unreadable"
        case .noVerdict: "no verdict"
        }
    }

    /// All of them, as the help of a program has them; its manual page is made of that line.
    package static var help: String {
        help(Dictionary(uniqueKeysWithValues: allCases.map { ($0, $0.meaning) }))
    }

    /// What they mean of one command, in its help.
    package static func help(_ meanings: [ExitStatus: String]) -> String {
        let sorted = meanings.sorted { $0.key.rawValue < $1.key.rawValue }
        return "Exit: " + sorted.map { "\($0.key.rawValue) \($0.value)" }.joined(separator: "; ") + "."
    }
}
