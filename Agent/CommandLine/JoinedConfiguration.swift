import AssayCrypto
import Bytes
import Files
import FoundationEssentials
import Messages
import Settings
import TPMDevice
import Terminal

/// The files of an agent that joins: what `assay-agent join` writes, and where.
struct JoinedConfiguration: Sendable {
    let tcti: String
    let keyKind: KeyKind
    let stateFolder: String
    let credentials: AgentCredentials
    /// Whose agent the host is already; nil if it has not joined.
    let former: Membership?

    private let file: String
    private let token: JoinToken
    private let trustFile: String
    private let logPath: String
    /// What the file says already, as YAML writes it, by key.
    private let kept: [String: String]

    /// Reads the settings that a configuration has already; it need not be there, or be whole.
    init(
        file: String, token: JoinToken, state: String?, tcti: String?, log: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(SettingsError) {
        let settings = try Settings(AgentSettings.schema, file: file, isFileOptional: true, environment: environment)
        self.file = file
        self.token = token
        kept = settings.inFile
        self.tcti = try Self.chosen(tcti, settings, AgentSettings.tcti)
        keyKind = try settings.value(of: AgentSettings.keyKind).kind
        logPath = try Self.chosen(log, settings, AgentSettings.logPath)
        let folder = try Self.chosen(state, settings, AgentSettings.state)
        stateFolder = URL(filePath: folder).standardizedFileURL.path(percentEncoded: false)
        credentials = AgentCredentials(
            certificateFile: stateFolder + "/agent.pem", keyFile: stateFolder + "/agent.key")
        trustFile = stateFolder + "/authorities.pem"
        former = credentials.agentID.map { [trustFile] id in
            let host = try? settings.value(of: AgentSettings.verifierHost).description
            let port = (try? settings.value(of: AgentSettings.verifierPort)) ?? 0
            let trusted = try? contents(ofFile: trustFile, limit: 1 << 20)
            let authorities = (try? Certificate.all(inPEM: trusted ?? [])) ?? []
            return Membership(
                id: id, verifier: host.map { address($0, port) }, authorities: authorities.map(\.fingerprint))
        }
    }

    private static func chosen(
        _ flag: String?, _ settings: Settings, _ setting: Setting<String>
    ) throws(SettingsError) -> String {
        if let flag { return flag }
        return try settings.value(of: setting)
    }

    /// Writes what the verifier issued, and then the configuration, each whole or not at all.
    ///
    /// - Returns: where a configuration that was there and said something else is kept.
    func write(_ issued: CertificateIssued) throws -> String? {
        try replaceFile(at: trustFile, with: try trusted(issued.authorities).pem(), mode: 0o644)
        try credentials.write(issued)
        try makeFolder(ofFile: file)
        let former = try contents(ofFile: file, limit: 1 << 20)
        let text = Array(text.utf8)
        guard former != text else { return nil }
        let copy = former == nil ? nil : file + ".before-join"
        if let copy, let former { try replaceFile(at: copy, with: former, mode: 0o644) }
        try replaceFile(at: file, with: text, mode: 0o644)
        return copy
    }

    /// The authority that the token names, and no other that the verifier has sent beside it.
    private func trusted(_ authorities: [[UInt8]]) throws(CommandFailure) -> Certificate {
        let own = authorities.lazy.compactMap { try? Certificate(der: $0) }.first { $0.fingerprint == token.authority }
        guard let own else {
            throw CommandFailure(
                .unavailable, "the verifier names another authority than the token; have the host invited anew")
        }
        return own
    }

    /// What the file says from now on: all that a joined agent needs, what stood there else, and the defaults behind `#`.
    var text: String {
        var values = kept
        // Another name of the verifier's certificate is that verifier's own.
        if kept[AgentSettings.verifierHost.declaration.key] != yamlText(token.host) {
            values[AgentSettings.verifierName.declaration.key] = nil
        }
        let own = [
            AgentSettings.verifierHost.declaration.key: yamlText(token.host),
            AgentSettings.verifierPort.declaration.key: "\(token.port)",
            AgentSettings.certificate.declaration.key: yamlText(credentials.certificateFile),
            AgentSettings.key.declaration.key: yamlText(credentials.keyFile),
            AgentSettings.trust.declaration.key: yamlText(trustFile),
            AgentSettings.tcti.declaration.key: yamlText(tcti),
            AgentSettings.keyKind.declaration.key: "\(keyKind)",
            AgentSettings.logPath.declaration.key: yamlText(logPath),
            AgentSettings.state.declaration.key: yamlText(stateFolder),
        ]
        values.merge(own) { _, own in own }
        return """
            # Assay's agent, as `assay-agent join` made it. What stands behind # is the default. See assay-agent(1), and
            # configuration.md of the documentation.


            """ + AgentSettings.schema.example(values)
    }
}
