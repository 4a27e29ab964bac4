internal import Bytes

/// Every setting that a program has. What isn't here is unknown, and an error.
package struct SettingsSchema: Sendable {
    /// The file that is read unless `--config` names another, such as `/etc/assay/agent.yaml`.
    package let defaultFile: String
    /// What the names of environment variables begin with, such as `ASSAY_AGENT_`.
    package let environmentPrefix: String
    /// The command that writes a whole configuration, such as `assay-agent join`.
    package let maker: String
    /// In the page's order.
    package let declarations: [SettingDeclaration]

    /// A program's settings.
    package init(
        defaultFile: String, environmentPrefix: String, maker: String, _ declarations: [SettingDeclaration]
    ) {
        self.defaultFile = defaultFile
        self.maker = maker
        self.environmentPrefix = environmentPrefix
        self.declarations = declarations
    }

    func declaration(of key: String) -> SettingDeclaration? {
        declarations.first { $0.key == key }
    }

    func declaration(ofVariable name: String) -> SettingDeclaration? {
        declarations.first { variable(for: $0) == name }
    }

    /// The environment variable that sets it.
    package func variable(for declaration: SettingDeclaration) -> String {
        environmentPrefix + declaration.environmentSuffix
    }

    /// Whether settings stand below this key.
    func isSection(_ key: String) -> Bool {
        declarations.contains { $0.key.hasPrefix(key + ".") }
    }

    static let isUnknown = "is unknown; configuration.md of the documentation has every setting"

    /// "is unknown", and the key that was probably meant.
    func unknown(_ key: String) -> String {
        guard let meant = nearest(to: key, among: declarations.map(\.key)) else { return Self.isUnknown }
        return "is unknown; is \(meant) meant?"
    }
}

extension SettingsSchema {
    /// The page's table.
    package var table: [String] {
        ["| key | unit | default | range | meaning |", "| --- | --- | --- | --- | --- |"]
            + declarations.map {
                "| `\($0.key)` | \($0.unit ?? "") | \($0.absenceText) | \($0.rangeText) | \($0.meaning) |"
            }
    }

    /// A file with every setting explained, and those that need not be changed behind a `#`.
    ///
    /// - Parameter values: what is set, as YAML writes it, by key.
    package func example(_ values: [String: String]) -> String {
        var lines: [String] = []
        var section: Substring?
        for declaration in declarations {
            let parts = declaration.key.split(separator: ".", maxSplits: 1)
            let isNested = parts.count == 2
            if isNested, parts.first != section {
                lines += ["", "\(parts[0]):"]
            } else if !isNested {
                lines.append("")
            }
            section = isNested ? parts.first : nil
            let indent = isNested ? "  " : ""
            let name = parts.last.map(String.init) ?? declaration.key
            lines.append("\(indent)# \(declaration.exampleComment)")
            if let value = values[declaration.key] {
                lines.append("\(indent)\(name): \(value)")
            } else {
                let text = declaration.defaultText
                lines.append("\(indent)#\(name):" + (text.isEmpty ? "" : " " + text))
            }
        }
        return lines.drop { $0.isEmpty }.joined(separator: "\n") + "\n"
    }
}

extension SettingDeclaration {
    fileprivate var exampleComment: String {
        var facts: [String] = []
        if let unit { facts.append(unit) }
        switch form {
        case .text: break
        case .optionalText(let absence): facts.append("default: \(absence)")
        case .integer, .words, .list: facts.append(rangeText)
        }
        let text = meaning + (facts.isEmpty ? "" : " (\(facts.joined(separator: "; ")))")
        // A file's comments have no links: the page's name stands there.
        let plain = text.replacing(/\[[^\]]*\]\(([^)]*)\)/) { $0.1 }
        return String(plain.filter { $0 != "`" })
    }
}
