import Appraisal
import AssayCrypto
import Monitoring
import Server
import Settings
import SystemPackage
import Transport

/// What the verifier is told by its configuration.
struct VerifierConfiguration: Sendable {
    let host: String
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

    private enum BankWord: String, CaseIterable {
        case sha1
        case sha256
        case sha384
        case sha512

        var bank: PCRBank {
            switch self {
            case .sha1: .sha1
            case .sha256: .sha256
            case .sha384: .sha384
            case .sha512: .sha512
            }
        }
    }

    init(_ settings: Settings, storePath: FilePath) throws {
        self.storePath = storePath
        host = try settings.text("listen.host", default: "127.0.0.1")
        port = try settings.integer("listen.port", default: 7443, in: 0...65535)
        credentials = TLSContext.Credentials(
            certificateChainFile: try settings.requiredText("tls.certificate"),
            privateKeyFile: try settings.requiredText("tls.key"))
        trustFile = try settings.requiredText("tls.trust")
        var session = SessionSettings()
        session.banks = try settings.words("attestation.banks", default: [BankWord.sha256, .sha384, .sha512]).map(
            \.bank)
        session.roundSeconds = try settings.integer("attestation.interval", default: 60, in: 1...86_400)
        session.shardBytes = UInt32(
            try settings.integer("attestation.shard_bytes", default: 1 << 20, in: 1 << 16...4_000_000))
        session.window = UInt32(try settings.integer("attestation.window", default: 8, in: 4...64))
        session.evidenceSeconds = try settings.integer("attestation.evidence_timeout", default: 60, in: 1...3600)
        let memory = try settings.integer("appraisal.signature_memory", default: 64, in: 0...65_536)
        session.verifiedSignatures = memory > 0 ? VerifiedSignatures(byteLimit: memory << 20) : nil
        session.shardSeconds = try settings.integer("attestation.shard_timeout", default: 30, in: 1...3600)
        self.session = session
        authority = try AuthorityConfiguration(settings)
        maximumAge = Int64(try settings.integer("attestation.max_age", default: 600, in: FreshnessOptions.range))
        monitoring = try Monitor.Settings(settings)
    }
}
