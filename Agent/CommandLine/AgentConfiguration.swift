import Attester
import Bytes
import Files
import Logging
import Settings
import Terminal
import Transport

/// What the agent is told by its configuration.
struct AgentConfiguration: Sendable {
    let verifierHost: String
    let verifierPort: Int
    /// The name that the verifier's certificate must have.
    let verifierName: String
    let credentials: TLSContext.Credentials
    let trustFile: String
    /// The TPM, the log and the shards.
    let host: HostConfiguration
    let logLevel: Logger.Level

    init(_ settings: Settings) throws(SettingsError) {
        try settings.requireAll()
        verifierHost = try settings.value(of: AgentSettings.verifierHost).description
        verifierPort = try settings.value(of: AgentSettings.verifierPort)
        verifierName = try settings.value(of: AgentSettings.verifierName)?.description ?? verifierHost
        credentials = TLSContext.Credentials(
            certificateChainFile: try settings.value(of: AgentSettings.certificate),
            privateKeyFile: try settings.value(of: AgentSettings.key))
        trustFile = try settings.value(of: AgentSettings.trust)
        host = try HostConfiguration(settings)
        logLevel = try settings.value(of: AgentSettings.level)
    }

    /// The certificate's private key, if others than its owner can read it.
    var exposedKey: KeyExposure? { KeyExposure(ofKeyFile: credentials.privateKeyFile) }

    /// Certificate, key and trust for connections to the verifier.
    func tlsContext() throws(CommandFailure) -> TLSContext {
        do {
            return try TLSContext.client(credentials: credentials, trustRootsFile: trustFile)
        } catch {
            throw .usage(error)
        }
    }
}
