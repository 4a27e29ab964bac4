import AssayCrypto
import Bytes
import Enrolment
import Logging
import Monitoring
import Settings
import Store

/// Every setting of the verifier.
enum VerifierSettings {
    static let host = Setting.host(
        "listen.host", default: .loopback, unit: "address",
        "where agents are awaited; `0.0.0.0` or `::` is everywhere")
    static let port = Setting.integer(
        "listen.port", default: 7443, in: 0...65535, unit: "TCP port",
        "where agents are awaited; 0 lets the system choose (the port is printed)")
    static let store = Setting.text(
        "store", default: "/var/lib/assay-verifier", unit: "folder",
        "what is known of the agents; `--store` is stronger")
    static let storeLimit = Setting.integer(
        "storage.limit", default: Store.Size().ceiling >> 20, in: 1...16_777_216, unit: "MiB",
        "the store's largest size ([store](store.md) says what happens then)")
    static let historyVerdicts = Setting.integer(
        "history.verdicts", default: HistoryBounds().verdicts, in: 16...10_000, unit: "verdicts",
        "kept of one agent; those that only repeat the one before go first")
    static let historyFull = Setting.integer(
        "history.full", default: HistoryBounds().full, in: 1...1000, unit: "verdicts",
        "the newest of them, which keep their findings; so does the last failure of each of 8 boots")
    static let historyAge = Setting.integer(
        "history.age", default: Int(HistoryBounds().age), in: 3600...3_153_600_000, unit: "seconds",
        "after which a verdict is forgotten, unless it is the last one")
    static let historyBytes = Setting.integer(
        "history.bytes", default: HistoryBounds().bytes, in: 4096...16_777_216, unit: "bytes",
        "that one agent's old verdicts and findings may take")
    static let historyEvents = Setting.integer(
        "history.events", default: HistoryBounds().events, in: 10...10_000, unit: "events",
        "kept of one agent; as many keys are kept in its key history")
    static let forgetAfter = Setting.integer(
        "agents.forget_after", default: 0, in: 0...315_360_000, unit: "seconds",
        "without a verdict or a join, after which an agent that isn't revoked is removed; 0 is never")
    static let certificate = Setting.requiredText(
        "tls.certificate", unit: "PEM file", "the verifier's certificate, then its chain")
    static let key = Setting.requiredText(
        "tls.key", unit: "PEM file", "its private key, without a passphrase")
    static let trust = Setting.requiredText(
        "tls.trust", unit: "PEM file", "the authorities that issue the agents' certificates")
    static let authorityCertificate = Setting.optionalText(
        "ca.certificate", absence: "no authority: hosts can't join by token", unit: "PEM file",
        "the verifier's own authority, which names agents")
    static let authorityKey = Setting.optionalText(
        "ca.key", absence: "required with `ca.certificate`", unit: "PEM file or OpenSSL provider URI",
        "the authority's private key, such as `pkcs11:object=assay`", shown: PrivateKey.withoutPIN)
    static let invitationKey = Setting.optionalText(
        "ca.invitation_key", absence: "required with `ca.certificate`", unit: "file",
        "the key that tokens are made with")
    private static let lifetimes = 3600...315_360_000
    static let agentLifetime = Setting.integer(
        "ca.agent_lifetime", default: Int(Issuer.Lifetimes().agent), in: lifetimes, unit: "seconds",
        "how long an agent's certificate lasts; it is renewed at two thirds of it")
    static let serverLifetime = Setting.integer(
        "ca.server_lifetime", default: Int(Issuer.Lifetimes().server), in: lifetimes, unit: "seconds",
        "how long the server's certificate lasts; it is renewed at two thirds of it")
    static let joinAddress = Setting.optionalHostAndPort(
        "join.address", absence: "required by `invite`", unit: "HOST:PORT",
        "what tokens tell hosts to dial; `serve` adds the name to the certificate that `ca` issues")
    static let interval = Setting.integer(
        "attestation.interval", default: 60, in: 1...86_400, unit: "seconds",
        "from a verdict to the next Challenge on an open connection")
    static let maximumAgeRange = 1...31_536_000
    static let maximumAge = Setting.integer(
        "attestation.max_age", default: 600, in: maximumAgeRange, unit: "seconds",
        "after its Challenge a verdict no longer stands: more than the interval; `--max-age` is stronger")
    static let banks = Setting.words(
        "attestation.banks", default: [BankWord.sha256, .sha384, .sha512],
        "PCR banks that may be quoted, the preferred first")
    static let shardBytes = Setting.integer(
        "attestation.shard_bytes", default: 1 << 20, in: 1 << 16...4_000_000, unit: "bytes", "largest shard asked for")
    static let window = Setting.integer(
        "attestation.window", default: 8, in: 4...64, unit: "shards", "how many may be in flight")
    static let evidenceTimeout = Setting.integer(
        "attestation.evidence_timeout", default: 60, in: 1...3600, unit: "seconds", "from a Challenge to its Evidence")
    static let shardTimeout = Setting.integer(
        "attestation.shard_timeout", default: 30, in: 1...3600, unit: "seconds", "from one shard to the next")
    static let logBytes = Setting.integer(
        "attestation.log_bytes", default: 4 << 30, in: 1 << 20...1 << 50, unit: "bytes",
        "largest log of one boot that is taken")
    static let scratchSeconds = Setting.integer(
        "attestation.resume_seconds", default: 86_400, in: 0...31_536_000, unit: "seconds",
        "for which a broken transfer can go on where it broke; 0 keeps nothing of it")
    static let scratchBytes = Setting.integer(
        "attestation.resume_bytes", default: 4 << 20, in: 1 << 16...16_000_000, unit: "bytes",
        "that may be kept of one broken transfer: keys, findings and PCR values, never records")
    static let signatureMemory = Setting.integer(
        "appraisal.signature_memory", default: 64, in: 0...65_536, unit: "MiB",
        "in which file signatures that verified are remembered across agents; 0 remembers none")
    static let isMonitored = Setting.boolean(
        "monitoring.enabled", default: true, "whether health and metrics are served ([monitoring](monitoring.md))")
    static let monitoringPort = Setting.integer(
        "monitoring.port", default: 7444, in: 0...65535, unit: "TCP port",
        "on 127.0.0.1 for them; 0 lets the system choose (the port is printed)")
    static let hookCommand = Setting.optionalText(
        "hooks.command", absence: "none", unit: "absolute path", "a program that is told of each change of tier")
    static let webhook = Setting.optionalText(
        "hooks.webhook", absence: "none", unit: "`http` or `https` URL", "it is told of each change of tier",
        shown: WebhookAddress.withoutTarget)
    static let webhookTrust = Setting.optionalText(
        "hooks.webhook_trust", absence: "the system's", unit: "PEM file",
        "the authorities of an `https` webhook's certificate")
    static let hookTimeout = Setting.integer(
        "hooks.timeout", default: 10, in: 1...300, unit: "seconds", "that one try may take")
    static let hookAttempts = Setting.integer(
        "hooks.attempts", default: 5, in: 1...20, unit: "tries", "how often a hook is tried")
    static let hookQueue = Setting.integer(
        "hooks.queue", default: 1000, in: 1...1_000_000, unit: "changes", "how many may wait for one hook")
    static let level = Setting.word(
        "logging.level", default: Logger.Level.info, "what is written to standard error; `--log-level` is stronger")

    static let schema = SettingsSchema(
        defaultFile: "/etc/assay/verifier.yaml", environmentPrefix: "ASSAY_VERIFIER_", maker: "assay-verifier init",
        [
            host.declaration, port.declaration, store.declaration, storeLimit.declaration,
            historyVerdicts.declaration, historyFull.declaration, historyAge.declaration, historyBytes.declaration,
            historyEvents.declaration, forgetAfter.declaration, certificate.declaration, key.declaration,
            trust.declaration, authorityCertificate.declaration, authorityKey.declaration,
            invitationKey.declaration, agentLifetime.declaration, serverLifetime.declaration,
            joinAddress.declaration, interval.declaration, maximumAge.declaration, banks.declaration,
            shardBytes.declaration, window.declaration, evidenceTimeout.declaration, shardTimeout.declaration,
            logBytes.declaration, scratchSeconds.declaration, scratchBytes.declaration, signatureMemory.declaration,
            isMonitored.declaration, monitoringPort.declaration, hookCommand.declaration, webhook.declaration,
            webhookTrust.declaration, hookTimeout.declaration, hookAttempts.declaration, hookQueue.declaration,
            level.declaration,
        ])
}

/// PCR banks, by the words that a configuration uses.
enum BankWord: String, CaseIterable {
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
