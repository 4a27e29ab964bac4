/// One setting of a program, declared once: how it is written, checked, documented and read.
///
/// ```swift
/// static let port = Setting.integer("verifier.port", default: 7443, in: 1...65535, unit: "TCP port", "where to dial")
/// let port = try settings.value(of: port)
/// ```
package struct Setting<Value: Sendable>: Sendable {
    /// What the schema, the page and the example file need.
    package let declaration: SettingDeclaration
    /// What stands where nothing is given; nil if there is nothing that could.
    let defaultValue: Value?
    /// Reads what was given, or says what is wrong with it.
    let read: @Sendable ([String]) throws(SettingProblem) -> Value

    init(
        _ key: String, _ form: SettingForm, default value: Value?, written: String, unit: String?, _ meaning: String,
        isRequired: Bool = false, shown: @escaping @Sendable (String) -> String = { $0 },
        read: @escaping @Sendable ([String]) throws(SettingProblem) -> Value
    ) {
        declaration = SettingDeclaration(
            key: key, form: form, defaultText: written, isRequired: isRequired, unit: unit, meaning: meaning,
            shown: shown
        ) { texts in
            do throws(SettingProblem) {
                _ = try read(texts)
                return nil
            } catch { return error.text }
        }
        defaultValue = value
        self.read = read
    }
}

/// What is wrong with a value, as the end of a sentence that begins with its key.
struct SettingProblem: Error {
    let text: String
}

extension Setting where Value == String {
    /// A text that has a default.
    package static func text(
        _ key: String, default value: String, unit: String? = nil, _ meaning: String
    ) -> Setting {
        Setting(key, .text, default: value, written: value, unit: unit, meaning, read: oneText)
    }

    /// A text that must be given.
    package static func requiredText(_ key: String, unit: String? = nil, _ meaning: String) -> Setting {
        Setting(key, .text, default: nil, written: "", unit: unit, meaning, isRequired: true, read: oneText)
    }
}

extension Setting where Value == String? {
    /// A text that need not be given.
    ///
    /// - Parameters:
    ///   - absence: what holds without it, for the page, such as `` `verifier.host` ``.
    ///   - shown: the value as it may be shown, for one that can hold a secret.
    package static func optionalText(
        _ key: String, absence: String, unit: String? = nil, _ meaning: String,
        shown: @escaping @Sendable (String) -> String = { $0 }
    ) -> Setting {
        Setting(
            key, .optionalText(absence: absence), default: .some(nil), written: "", unit: unit, meaning, shown: shown
        ) { texts throws(SettingProblem) in try oneText(texts) }
    }
}

extension Setting where Value == Int {
    /// A whole number in a range.
    package static func integer(
        _ key: String, default value: Int, in range: ClosedRange<Int>, unit: String, _ meaning: String
    ) -> Setting {
        Setting(key, .integer(range), default: value, written: "\(value)", unit: unit, meaning) {
            texts throws(SettingProblem) in
            let text = try oneText(texts)
            guard let number = Int(text), range.contains(number) else {
                throw SettingProblem(
                    text: "is \"\(text)\", not a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }
}

extension Setting where Value == Bool {
    /// Yes or no: `true` or `false`.
    package static func boolean(_ key: String, default value: Bool, _ meaning: String) -> Setting {
        Setting(key, .words(["true", "false"]), default: value, written: "\(value)", unit: nil, meaning) {
            texts throws(SettingProblem) in
            switch try oneText(texts) {
            case "true": return true
            case "false": return false
            case let text: throw SettingProblem(text: "is \"\(text)\", neither true nor false")
            }
        }
    }
}

extension Setting where Value: RawRepresentable<String> & CaseIterable {
    /// One word out of a closed list.
    package static func word(_ key: String, default value: Value, _ meaning: String) -> Setting {
        let known = Value.allCases.map(\.rawValue)
        return Setting(key, .words(known), default: value, written: value.rawValue, unit: nil, meaning) {
            texts throws(SettingProblem) in try knownWord(oneText(texts), "is")
        }
    }
}

extension Setting {
    /// Words out of a closed list: `[a, b]` in the file, `a,b` in the environment.
    package static func words<Word: RawRepresentable<String> & CaseIterable>(
        _ key: String, default values: [Word], _ meaning: String
    ) -> Setting where Value == [Word] {
        let written = "[" + values.map(\.rawValue).joined(separator: ", ") + "]"
        let form = SettingForm.list(of: Word.allCases.map(\.rawValue))
        return Setting(key, form, default: values, written: written, unit: nil, meaning) {
            texts throws(SettingProblem) in
            guard !texts.isEmpty else { throw SettingProblem(text: "is an empty list") }
            var words: [Word] = []
            for text in texts { words.append(try knownWord(text, "has")) }
            return words
        }
    }
}

func oneText(_ texts: [String]) throws(SettingProblem) -> String {
    guard let text = texts.first, !text.isEmpty else { throw SettingProblem(text: "is empty") }
    return text
}

private func knownWord<Word: RawRepresentable<String> & CaseIterable>(
    _ text: String, _ verb: String
) throws(SettingProblem) -> Word {
    guard let word = Word(rawValue: text) else {
        let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
        throw SettingProblem(text: "\(verb) \"\(text)\", which is none of \(known)")
    }
    return word
}
