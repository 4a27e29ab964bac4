package import Bytes

extension Setting where Value == HostName {
    /// A host that has a default.
    package static func host(
        _ key: String, default value: HostName, unit: String, _ meaning: String
    ) -> Setting {
        Setting(key, .text, default: value, written: value.description, unit: unit, meaning, read: hostName)
    }

    /// A host that must be given.
    package static func requiredHost(_ key: String, unit: String, _ meaning: String) -> Setting {
        Setting(key, .text, default: nil, written: "", unit: unit, meaning, isRequired: true, read: hostName)
    }
}

extension Setting where Value == HostName? {
    /// A host that need not be given.
    ///
    /// - Parameter absence: what holds without it, for the page.
    package static func optionalHost(_ key: String, absence: String, unit: String, _ meaning: String) -> Setting {
        Setting(key, .optionalText(absence: absence), default: .some(nil), written: "", unit: unit, meaning) {
            texts throws(SettingProblem) in try hostName(texts)
        }
    }
}

extension Setting where Value == HostAndPort? {
    /// A host and a port that need not be given.
    ///
    /// - Parameter absence: what holds without them, for the page.
    package static func optionalHostAndPort(_ key: String, absence: String, unit: String, _ meaning: String) -> Setting
    {
        Setting(key, .optionalText(absence: absence), default: .some(nil), written: "", unit: unit, meaning) {
            texts throws(SettingProblem) in
            let text = try oneText(texts)
            guard let value = HostAndPort(text) else {
                throw SettingProblem(text: "is \"\(text)\", not \(HostAndPort.form)")
            }
            return value
        }
    }
}

private func hostName(_ texts: [String]) throws(SettingProblem) -> HostName {
    let text = try oneText(texts)
    guard let host = HostName(text) else {
        throw SettingProblem(text: "is \"\(text)\", not \(HostName.form)")
    }
    return host
}
