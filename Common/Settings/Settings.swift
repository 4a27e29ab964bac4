internal import Files
internal import FoundationEssentials

/// A program's configuration: flags over environment variables over a YAML file over the defaults.
///
/// All that was given is checked when it is read, against the program's schema: an unknown key or a bad value is an
/// error wherever it stands, even where something stronger overrides it.
package struct Settings: Sendable {
    /// The schema that it was checked against.
    package let schema: SettingsSchema
    /// The file that was read; nil if there was none.
    package let file: String?
    /// The strongest first.
    private let layers: [SettingsLayer]

    /// Reads and checks the configuration.
    ///
    /// - Parameters:
    ///   - file: what `--config` names; nil takes the schema's, if there is such a file.
    ///   - isFileOptional: whether a named file need not be there.
    ///   - flags: `KEY=VALUE`, the last of a key counts; a list's words have commas between them.
    ///   - environment: the process's, unless a test says otherwise.
    package init(
        _ schema: SettingsSchema, file: String?, isFileOptional: Bool = false, flags: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(SettingsError) {
        let mayBeMissing = file == nil || isFileOptional
        let named = file ?? schema.defaultFile
        let file = mayBeMissing && !FileManager.default.fileExists(atPath: named) ? nil : named
        var faults: [SettingsError.Fault] = []
        var layers: [SettingsLayer] = []
        if let file {
            if !isFileOptional, Self.isAbsent(file) { throw SettingsError(.absent(file, schema)) }
            layers.append(SettingsLayer(try ConfigurationFile(path: file), at: file, schema, &faults))
        }
        layers.append(SettingsLayer(environment: environment, schema, &faults))
        layers.append(SettingsLayer(flags: flags, schema, &faults))
        guard faults.isEmpty else { throw SettingsError(faults) }
        self.schema = schema
        self.file = file
        self.layers = layers.reversed()
    }

    /// A setting's value: what was given, or its default.
    ///
    /// - Throws: if it must be given and wasn't.
    package func value<Value>(of setting: Setting<Value>) throws(SettingsError) -> Value {
        let declaration = setting.declaration
        if let texts = texts(of: declaration) {
            do throws(SettingProblem) {
                return try setting.read(texts)
            } catch {
                throw SettingsError([
                    .init(place: origin(of: declaration), key: declaration.key, problem: error.text)
                ])
            }
        }
        guard let value = setting.defaultValue else { throw SettingsError([missing(declaration)]) }
        return value
    }

    /// A setting's value that must be given because of another one.
    package func required<Value>(_ setting: Setting<Value?>) throws(SettingsError) -> Value {
        guard let value = try value(of: setting) else { throw SettingsError([missing(setting.declaration)]) }
        return value
    }

    /// Fails if a setting that must be given wasn't: names all of them, or the command that gives them where none is.
    package func requireAll() throws(SettingsError) {
        try requireAny()
        let missing = schema.declarations.filter { $0.isRequired && texts(of: $0) == nil }.map(missing)
        guard missing.isEmpty else { throw SettingsError(missing) }
    }

    /// Fails if no setting was given of those that must be: nothing is configured yet.
    package func requireAny() throws(SettingsError) {
        let required = schema.declarations.filter(\.isRequired)
        guard required.allSatisfy({ texts(of: $0) == nil }) else { return }
        guard let file else { throw SettingsError(.absent(schema.defaultFile, schema)) }
        throw SettingsError(.bare(file, required.map(\.key), schema))
    }

    /// One that is there and can't be read isn't absent.
    private static func isAbsent(_ file: String) -> Bool {
        do {
            return try contents(ofFile: file, limit: 0) == nil
        } catch {
            return false
        }
    }

    /// A setting as it is in effect.
    package struct Effective: Encodable, Hashable, Sendable {
        /// Such as `verifier.port`.
        package let setting: String
        /// As the file would say it, without any secret that it may hold; `-` where there is none.
        package let value: String
        /// Where it comes from: a file and its line, a variable, a flag, or `default`.
        package let from: String
    }

    /// Each setting as it is in effect, and where that comes from.
    package var effective: [Effective] {
        schema.declarations.map { declaration in
            let given = texts(of: declaration).map { texts in
                declaration.form.isList ? "[" + texts.joined(separator: ", ") + "]" : declaration.shown(texts.joined())
            }
            let value = given ?? (declaration.defaultText.isEmpty ? "-" : declaration.defaultText)
            return Effective(setting: declaration.key, value: value, from: origin(of: declaration))
        }
    }

    /// What the file says, as YAML writes it, by key.
    package var inFile: [String: String] {
        // The file is the weakest layer, where there is one.
        guard file != nil, let layer = layers.last else { return [:] }
        return Dictionary(
            uniqueKeysWithValues: schema.declarations.compactMap { declaration in
                layer.texts(of: declaration.key).map { (declaration.key, declaration.form.yaml($0)) }
            })
    }

    private func texts(of declaration: SettingDeclaration) -> [String]? {
        layers.lazy.compactMap { $0.texts(of: declaration.key) }.first
    }

    /// The place that gave a setting its value, for an error; `default` if none did.
    package func origin(of declaration: SettingDeclaration) -> String {
        layers.lazy.compactMap { $0.place(of: declaration.key) }.first ?? "default"
    }

    private func missing(_ declaration: SettingDeclaration) -> SettingsError.Fault {
        let file = file ?? "\(schema.defaultFile) (which isn't there)"
        return .init(
            place: file, key: declaration.key,
            problem: "is missing: \(declaration.meaning.filter { $0 != "`" }); set it there, "
                + "or as \(schema.variable(for: declaration))")
    }
}
