internal import IMA

/// The rules that the kernel measures by, as far as a host's set-up can be told from them.
///
/// - SeeAlso: Linux, Documentation/ABI/testing/ima_policy.
package struct IMAPolicy: Hashable, Sendable {
    /// One `measure` rule.
    package struct Rule: Hashable, Sendable {
        /// What is measured, such as `FILE_CHECK`; nil where the rule names nothing.
        package let function: String?
        /// `keyrings=`; nil measures all.
        package let keyrings: [String]?
        /// `template=`; nil is the default one.
        package let template: String?
        /// `pcr=`; nil is PCR 10.
        package let pcr: String?
    }

    /// The `measure` rules, in order.
    package let measure: [Rule]
    /// All rules there are.
    package let count: Int

    /// Reads what securityfs shows, or what an administrator wrote.
    package init(_ text: String) {
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        }
        let rules = lines.filter { $0.first.map { !$0.hasPrefix("#") } ?? false }
        count = rules.count
        measure = rules.filter { $0.first == "measure" }.map { words in
            func value(_ name: String) -> String? {
                words.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
            }
            return Rule(
                function: value("func"),
                keyrings: value("keyrings").map { $0.split(separator: "|").map(String.init) },
                template: value("template"), pcr: value("pcr"))
        }
    }

    /// The rules that measure keys.
    package var keyRules: [Rule] { measure.filter { $0.function == "KEY_CHECK" } }

    /// The rules that measure files.
    package var fileRules: [Rule] {
        let others = ["KEY_CHECK", "CRITICAL_DATA", "KEXEC_CMDLINE"]
        return measure.filter { rule in rule.function.map { !others.contains($0) } ?? true }
    }

    /// Whether keys that are loaded on this keyring are measured.
    package func measuresKeys(of keyring: String) -> Bool {
        keyRules.contains { $0.keyrings?.contains(keyring) ?? true }
    }
}
