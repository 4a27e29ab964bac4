/// What one source gives, checked against the schema.
struct SettingsLayer: Sendable {
    private struct Given: Sendable {
        let texts: [String]
        let place: String
    }

    private var values: [String: Given] = [:]

    /// What a file gives.
    init(
        _ file: ConfigurationFile, at path: String, _ schema: SettingsSchema, _ faults: inout [SettingsError.Fault]
    ) {
        for entry in file.entries {
            let place = "\(path):\(entry.line)"
            func fault(_ problem: String) {
                faults.append(.init(place: place, key: entry.key.isEmpty ? nil : entry.key, problem: problem))
            }
            if entry.key.isEmpty {
                fault("is not a list of settings (KEY: VALUE)")
            } else if let declaration = schema.declaration(of: entry.key) {
                switch entry.content {
                case .text(let text) where !declaration.form.isList:
                    take([text], declaration, place, &faults)
                case .list(let texts) where declaration.form.isList:
                    take(texts, declaration, place, &faults)
                case .nothing: fault("is empty; give a value, or remove the line")
                case .list: fault("is a list, and must be one value")
                case .text, .other:
                    fault(declaration.form.isList ? "is not a list, such as \(declaration.defaultText)" : "is no value")
                }
            } else if schema.isSection(entry.key) {
                // A section that holds nothing says nothing.
                if entry.content != .nothing { fault("is not a value, but has settings of its own below it") }
            } else {
                fault(schema.unknown(entry.key))
            }
        }
    }

    /// What the environment gives: each variable with the program's prefix must be known.
    init(environment: [String: String], _ schema: SettingsSchema, _ faults: inout [SettingsError.Fault]) {
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix(schema.environmentPrefix) {
            let place = "environment variable \(name)"
            guard let declaration = schema.declaration(ofVariable: name) else {
                faults.append(
                    .init(place: place, key: nil, problem: SettingsSchema.isUnknown))
                continue
            }
            take(Self.texts(text, declaration), declaration, place, &faults)
        }
    }

    /// What `--set` gives.
    init(flags: [String], _ schema: SettingsSchema, _ faults: inout [SettingsError.Fault]) {
        for flag in flags {
            let parts = flag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                faults.append(
                    .init(place: "--set", key: nil, problem: "\"\(flag)\" is not KEY=VALUE"))
                continue
            }
            guard let declaration = schema.declaration(of: parts[0]) else {
                faults.append(.init(place: "--set", key: parts[0], problem: schema.unknown(parts[0])))
                continue
            }
            take(Self.texts(parts[1], declaration), declaration, "--set", &faults)
        }
    }

    /// Where a key was given; nil if it wasn't here.
    func place(of key: String) -> String? { values[key]?.place }

    /// What a key was given; nil if it wasn't here.
    func texts(of key: String) -> [String]? { values[key]?.texts }

    private static func texts(_ text: String, _ declaration: SettingDeclaration) -> [String] {
        guard declaration.form.isList else { return [text] }
        return text.split(separator: ",").map { String($0.drop { $0 == " " }) }
    }

    private mutating func take(
        _ texts: [String], _ declaration: SettingDeclaration, _ place: String, _ faults: inout [SettingsError.Fault]
    ) {
        if let problem = declaration.problem(texts) {
            faults.append(.init(place: place, key: declaration.key, problem: problem))
        } else {
            values[declaration.key] = Given(texts: texts, place: place)
        }
    }
}
