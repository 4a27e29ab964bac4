import Configuration
import Foundation
import SystemPackage

/// A command's configuration: environment variables over a YAML file. Flags are the command's own and stronger still.
///
/// A key such as `verifier.port` is `port` under `verifier` in the file, and `PREFIX_VERIFIER_PORT` in the
/// environment. A value that is there but can't be read is an error, never the default.
package struct Settings: Sendable {
    private let reader: ConfigReader
    private let source: String

    /// Reads the file and the environment.
    ///
    /// - Parameters:
    ///   - file: path of the YAML file; nil for the environment alone.
    ///   - environmentPrefix: such as `ASSAY_AGENT`.
    ///   - environment: the process's, unless a test says otherwise.
    package init(
        file: String?, environmentPrefix: String,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws(SettingsError) {
        let prefix = environmentPrefix + "_"
        let variables = environment.filter { $0.key.hasPrefix(prefix) }.map {
            (String($0.key.dropFirst(prefix.count)), $0.value)
        }
        let own = EnvironmentVariablesProvider(environmentVariables: Dictionary(uniqueKeysWithValues: variables))
        source = file ?? "the environment"
        guard let file else {
            reader = ConfigReader(provider: own)
            return
        }
        do {
            let yaml = try await FileProvider<YAMLSnapshot>(filePath: FilePath(file))
            reader = ConfigReader(providers: [own, yaml])
        } catch {
            throw SettingsError(
                source: file, key: nil,
                problem: "cannot be read: \(error) Name the file with --config; see Docs/configuration.md")
        }
    }

    /// A text that need not be there.
    package func text(_ key: String) throws(SettingsError) -> String? {
        if let text = reader.string(forKey: ConfigKey(key)) { return text }
        guard reader.stringArray(forKey: ConfigKey(key)) == nil else {
            throw SettingsError(source: source, key: key, problem: "is a list, and must be one value")
        }
        return nil
    }

    /// A text, or what stands for it.
    package func text(_ key: String, default value: String) throws(SettingsError) -> String {
        try text(key) ?? value
    }

    /// A text that must be there.
    package func requiredText(_ key: String) throws(SettingsError) -> String {
        guard let value = try text(key), !value.isEmpty else {
            throw SettingsError(source: source, key: key, problem: "is missing")
        }
        return value
    }

    /// A whole number in a range.
    package func integer(
        _ key: String, default value: Int, in range: ClosedRange<Int>
    ) throws(SettingsError) -> Int {
        guard let text = try text(key) else { return value }
        guard let number = Int(text), range.contains(number) else {
            let bounds = "\(range.lowerBound) to \(range.upperBound)"
            throw SettingsError(source: source, key: key, problem: "is \"\(text)\", not a whole number from \(bounds)")
        }
        return number
    }

    /// Words out of a closed list.
    package func words<Word: RawRepresentable<String> & CaseIterable>(
        _ key: String, default values: [Word]
    ) throws(SettingsError) -> [Word] {
        guard let texts = reader.stringArray(forKey: ConfigKey(key)) else {
            guard try text(key) == nil else {
                throw SettingsError(source: source, key: key, problem: "is not a list")
            }
            return values
        }
        var words: [Word] = []
        for text in texts {
            guard let word = Word(rawValue: text) else {
                let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingsError(source: source, key: key, problem: "has \"\(text)\", which is none of \(known)")
            }
            words.append(word)
        }
        return words
    }

    /// One word out of a closed list.
    package func word<Word: RawRepresentable<String> & CaseIterable>(
        _ key: String, default value: Word
    ) throws(SettingsError) -> Word {
        guard let text = try text(key) else { return value }
        guard let word = Word(rawValue: text) else {
            let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingsError(source: source, key: key, problem: "is \"\(text)\", which is none of \(known)")
        }
        return word
    }
}

/// A configuration that can't be used: where, which key, what to change.
package struct SettingsError: Error, Hashable, CustomStringConvertible {
    /// The file, or the environment.
    package let source: String
    /// Nil if the whole file is meant.
    package let key: String?
    /// What is wrong with it.
    package let problem: String

    /// A setting that can't be used.
    package init(source: String, key: String?, problem: String) {
        self.source = source
        self.key = key
        self.problem = problem
    }

    package var description: String {
        key.map { "\(source): \($0) \(problem)" } ?? "\(source) \(problem)"
    }
}
