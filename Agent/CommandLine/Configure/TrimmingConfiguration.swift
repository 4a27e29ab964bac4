import Files
import Settings
import Terminal

/// What an agent that frees the kernel's records takes: a setting, and for the service a drop-in.
struct TrimmingConfiguration: Sendable {
    /// The agent's configuration.
    let file: String
    /// The folder of the host's own units.
    let units: String

    /// Where the drop-in is.
    var dropIn: String { units + "/assay-agent.service.d/trim.conf" }

    /// What the service may do more than without.
    static let dropInText = """
        # `assay-agent configure --trim staged` wrote this, and `--trim off` removes it: the agent may free the kernel's
        # records (trim: staged). The kernel asks for CAP_SYS_ADMIN; the unit's system call filter still keeps the agent
        # from what else that allows, such as mounting.
        [Service]
        AmbientCapabilities=CAP_SYS_ADMIN
        CapabilityBoundingSet=CAP_SYS_ADMIN
        ReadWritePaths=-/sys/kernel/security

        """

    /// Sets `trim`, each file whole or not at all; the drop-in is there before the setting that needs it.
    func set(_ word: TrimWord) throws {
        let former = try text()
        _ = try settings()
        if word == .staged {
            try makeFolder(ofFile: dropIn)
            try replaceFile(at: dropIn, with: Array(Self.dropInText.utf8), mode: 0o644)
        }
        let new = Self.setting(word, in: former)
        if new != former { try replaceFile(at: file, with: Array(new.utf8), mode: 0o644) }
        guard (try? settings().value(of: AgentSettings.trim)) == word else {
            try replaceFile(at: file, with: Array(former.utf8), mode: 0o644)
            throw CommandFailure(
                .usage, "\(file) isn't written line by line: set trim: \(word.rawValue) in it yourself")
        }
        if word == .off { removeFile(at: dropIn) }
    }

    /// The log that the configuration names.
    func logPath() throws -> String { try settings().value(of: AgentSettings.logPath) }

    /// The text of a configuration with a line for `trim`, in place of one that is there.
    static func setting(_ word: TrimWord, in text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let line = "trim: \(word.rawValue)"
        let place = lines.lastIndex { $0.hasPrefix("trim:") } ?? lines.lastIndex { $0.hasPrefix("#trim:") }
        if let place {
            lines[place] = line
        } else {
            if lines.last?.isEmpty == true { lines.removeLast() }
            lines += [line, ""]
        }
        return lines.joined(separator: "\n")
    }

    private func settings() throws -> Settings {
        try Settings(AgentSettings.schema, file: file, environment: [:])
    }

    private func text() throws -> String {
        guard let bytes = try contents(ofFile: file, limit: 1 << 20) else {
            throw CommandFailure(.usage, "\(file) isn't there: `assay-agent join` makes it; or give --config")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
