import Appraisal
import AssayCrypto
import Bytes
import Files
import Monitoring
import Server
import Settings
import SystemPackage
import Transport

/// What the verifier is told by its configuration.
struct VerifierConfiguration: Sendable {
    let host: HostName
    let port: Int
    let storePath: FilePath
    let credentials: TLSContext.Credentials
    let trustFile: String
    let session: SessionSettings
    /// Nil if the operator's own PKI names agents.
    let authority: AuthorityConfiguration?
    /// Seconds for which a verdict stands.
    let maximumAge: Int64
    let monitoring: Monitor.Settings
    let storage: StorageConfiguration

    /// Private keys that others than their owners can read.
    var exposedKeys: [KeyExposure] {
        // A key that a provider holds has a URI.
        let authorityKey = authority.map(\.key).flatMap { $0.hasPrefix("/") || !$0.contains(":") ? $0 : nil }
        return [credentials.privateKeyFile, authorityKey, authority?.invitationKeyFile].compactMap(\.self)
            .compactMap { KeyExposure(ofKeyFile: $0) }
    }

    init(_ settings: Settings, storePath: FilePath) throws {
        try settings.requireAll()
        self.storePath = storePath
        host = try settings.value(of: VerifierSettings.host)
        port = try settings.value(of: VerifierSettings.port)
        credentials = TLSContext.Credentials(
            certificateChainFile: try settings.value(of: VerifierSettings.certificate),
            privateKeyFile: try settings.value(of: VerifierSettings.key))
        trustFile = try settings.value(of: VerifierSettings.trust)
        var session = SessionSettings()
        session.banks = try settings.value(of: VerifierSettings.banks).map(\.bank)
        session.roundSeconds = try settings.value(of: VerifierSettings.interval)
        session.shardBytes = UInt32(try settings.value(of: VerifierSettings.shardBytes))
        session.window = UInt32(try settings.value(of: VerifierSettings.window))
        session.evidenceSeconds = try settings.value(of: VerifierSettings.evidenceTimeout)
        session.shardSeconds = try settings.value(of: VerifierSettings.shardTimeout)
        session.maximumLogBytes = UInt64(try settings.value(of: VerifierSettings.logBytes))
        session.scratchSeconds = Int64(try settings.value(of: VerifierSettings.scratchSeconds))
        session.scratchBytes = try settings.value(of: VerifierSettings.scratchBytes)
        let memory = try settings.value(of: VerifierSettings.signatureMemory)
        session.verifiedSignatures = memory > 0 ? VerifiedSignatures(byteLimit: memory << 20) : nil
        maximumAge = Int64(try Self.maximumAge(settings))
        session.maximumAge = maximumAge
        self.session = session
        authority = try AuthorityConfiguration(settings)
        monitoring = try Monitor.Settings(settings)
        storage = try StorageConfiguration(settings)
    }

    /// No verdict may cease to stand before the next one is due: all hosts would be `none` for a part of each interval.
    private static func maximumAge(_ settings: Settings) throws(SettingsError) -> Int {
        let (setting, interval) = (VerifierSettings.maximumAge, VerifierSettings.interval)
        let (age, seconds) = (try settings.value(of: setting), try settings.value(of: interval))
        guard age > seconds else {
            throw SettingsError([
                .init(
                    place: settings.origin(of: setting.declaration), key: setting.declaration.key,
                    problem: "is \(age), not more than \(interval.declaration.key), which is \(seconds) "
                        + "(\(settings.origin(of: interval.declaration))): "
                        + "verdicts would cease to stand before the next ones are due")
            ])
        }
        return age
    }
}
