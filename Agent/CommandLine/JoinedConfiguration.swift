import AssayCrypto
import Files
import Foundation
import Messages
import Settings
import TPMDevice

/// The files of an agent that joins: what `assay-agent join` writes, and where.
struct JoinedConfiguration: Sendable {
    let tcti: String
    let keyKind: KeyKind
    let stateFolder: String
    let credentials: AgentCredentials

    private let file: String
    private let token: JoinToken
    private let trustFile: String
    private let logPath: String

    /// Reads the settings that a configuration has already; it need not be there, or be whole.
    init(
        file: String, token: JoinToken, state: String?, tcti: String?, log: String?
    ) throws(SettingsError) {
        let settings = try Settings(AgentSettings.schema, file: file, isFileOptional: true)
        self.file = file
        self.token = token
        self.tcti = try Self.chosen(tcti, settings, AgentSettings.tcti)
        keyKind = try settings.value(of: AgentSettings.keyKind).kind
        logPath = try Self.chosen(log, settings, AgentSettings.logPath)
        let folder = try Self.chosen(state, settings, AgentSettings.state)
        stateFolder = URL(filePath: folder).standardizedFileURL.path(percentEncoded: false)
        credentials = AgentCredentials(
            certificateFile: stateFolder + "/agent.pem", keyFile: stateFolder + "/agent.key")
        trustFile = stateFolder + "/authorities.pem"
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
        let authorities = try issued.authorities.map { try Certificate(der: $0).pem() }
        try replaceFile(at: trustFile, with: Array(authorities.joined()), mode: 0o644)
        try credentials.write(issued)
        try makeFolder(ofFile: file)
        let former = try contents(ofFile: file, limit: 1 << 20)
        guard former != Array(text.utf8) else { return nil }
        let kept = former == nil ? nil : file + ".before-join"
        if let kept, let former { try replaceFile(at: kept, with: former, mode: 0o644) }
        try replaceFile(at: file, with: Array(text.utf8), mode: 0o644)
        return kept
    }

    private var text: String {
        """
        # Assay's agent, as `assay-agent join` made it. See assay-agent(1), and
        # configuration.md of the documentation, which has every setting.

        # The verifier that this host attests to.
        verifier:
          host: \(Self.quoted(token.host))
          port: \(token.port)

        # The agent's certificate, renewed by itself, and the authority of the verifier's certificate.
        tls:
          certificate: \(Self.quoted(credentials.certificateFile))
          key: \(Self.quoted(credentials.keyFile))
          trust: \(Self.quoted(trustFile))

        # How to reach the TPM, and the kind of the attestation key: p256 or rsa2048.
        tpm:
          tcti: \(Self.quoted(tcti))
          key: \(keyKind)

        # The agent's own folder: its keys, and a copy of the log while it runs.
        state: \(Self.quoted(stateFolder))

        # The kernel's measurement log.
        log:
          path: \(Self.quoted(logPath))

        """
    }

    /// A YAML string in double quotes.
    private static func quoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped)\""
    }
}
