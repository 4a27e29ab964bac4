import Attester
import Settings
import SystemPackage
import TPMDevice
import Transport

/// What the agent is told by its configuration.
struct AgentConfiguration: Sendable {
    let verifierHost: String
    let verifierPort: Int
    /// The name that the verifier's certificate must have.
    let verifierName: String
    let credentials: TLSContext.Credentials
    let trustFile: String
    let tcti: String
    let keyKind: KeyKind
    let logPath: FilePath
    let stateFolder: FilePath

    /// The kinds of attestation key, by the words that a configuration uses.
    private enum KeyWord: String, CaseIterable {
        case p256
        case rsa2048

        var kind: KeyKind {
            switch self {
            case .p256: .p256
            case .rsa2048: .rsa2048
            }
        }
    }

    static let defaultTCTI = "device:/dev/tpmrm0"
    static let defaultState = "/var/lib/assay-agent"

    /// The kind of attestation key to make.
    static func keyKind(_ settings: Settings) throws(SettingsError) -> KeyKind {
        try settings.word("tpm.key", default: KeyWord.p256).kind
    }

    init(file: String?) async throws(SettingsError) {
        let settings = try await Settings(file: file, environmentPrefix: "ASSAY_AGENT")
        verifierHost = try settings.requiredText("verifier.host")
        verifierPort = try settings.integer("verifier.port", default: 7443, in: 1...65535)
        verifierName = try settings.text("verifier.name", default: verifierHost)
        credentials = TLSContext.Credentials(
            certificateChainFile: try settings.requiredText("tls.certificate"),
            privateKeyFile: try settings.requiredText("tls.key"))
        trustFile = try settings.requiredText("tls.trust")
        tcti = try settings.text("tpm.tcti", default: Self.defaultTCTI)
        keyKind = try Self.keyKind(settings)
        logPath = FilePath(try settings.text("log.path", default: "/sys/kernel/security/integrity/ima"))
        stateFolder = FilePath(try settings.text("state", default: Self.defaultState))
    }
}
