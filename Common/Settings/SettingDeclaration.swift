/// What is said of a setting, whatever its value's type.
package struct SettingDeclaration: Sendable {
    /// Where it stands: `verifier.port` is `port` under `verifier` in the file.
    package let key: String
    /// How it is written.
    package let form: SettingForm
    /// The default as the file would say it; empty if there is none.
    package let defaultText: String
    /// Whether there is neither a default nor a meaning in leaving it out.
    package let isRequired: Bool
    /// What the value counts or names, such as `seconds`; nil where the form says it.
    package let unit: String?
    /// A phrase for the page.
    package let meaning: String
    /// The value as it may be shown: one that can hold a secret, without it.
    let shown: @Sendable (String) -> String
    /// What is wrong with what was given; nil if nothing is.
    let problem: @Sendable ([String]) -> String?

    /// The environment variable's name behind the program's prefix: `VERIFIER_PORT`.
    var environmentSuffix: String {
        String(key.map { $0 == "." || $0 == "-" ? "_" : Character($0.uppercased()) })
    }

    /// The values that are taken, for the page.
    package var rangeText: String {
        switch form {
        case .text, .optionalText: "any"
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .words(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .list(let words): "list of " + words.map { "`\($0)`" }.joined(separator: ", ")
        }
    }

    /// What holds without it, for the page.
    package var absenceText: String {
        if case .optionalText(let absence) = form { return absence }
        return isRequired ? "required" : "`\(defaultText)`"
    }
}

/// How a setting is written.
package enum SettingForm: Hashable, Sendable {
    /// Any text that isn't empty.
    case text
    /// The same, or nothing.
    case optionalText(absence: String)
    /// A whole number.
    case integer(ClosedRange<Int>)
    /// One of these words.
    case words([String])
    /// Some of these words.
    case list(of: [String])

    var isList: Bool {
        if case .list = self { return true }
        return false
    }

    /// A value as YAML writes it.
    func yaml(_ texts: [String]) -> String {
        switch self {
        case .text, .optionalText: yamlText(texts.joined())
        case .integer, .words: texts.joined()
        case .list: "[" + texts.joined(separator: ", ") + "]"
        }
    }
}

/// A text as YAML writes it in double quotes.
package func yamlText(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
        switch scalar {
        case "\\", "\"": "\\\(scalar)"
        case "\0"..<" ", "\u{7f}": "\\x" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
        default: String(scalar)
        }
    }
    return "\"\(escaped.joined())\""
}
