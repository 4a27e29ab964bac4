import Bytes
import Logging
import Settings
import TPMDevice

/// Every setting of the agent.
enum AgentSettings {
    static let verifierHost = Setting.requiredHost("verifier.host", unit: "DNS name or address", "where to dial")
    static let verifierPort = Setting.integer(
        "verifier.port", default: 7443, in: 1...65535, unit: "TCP port", "where to dial")
    static let verifierName = Setting.optionalHost(
        "verifier.name", absence: "`verifier.host`", unit: "DNS name or address",
        "what the verifier's certificate must name")
    static let certificate = Setting.requiredText(
        "tls.certificate", unit: "PEM file", "the agent's certificate, then its chain")
    static let key = Setting.requiredText(
        "tls.key", unit: "PEM file", "its private key, without a passphrase")
    static let trust = Setting.requiredText(
        "tls.trust", unit: "PEM file", "the authorities that issue verifiers' certificates")
    static let tcti = Setting.text(
        "tpm.tcti", default: "device:/dev/tpmrm0", unit: "TCTI",
        "the way to the TPM, as tpm2-tss writes it, such as `swtpm:host=127.0.0.1,port=2321`")
    static let keyKind = Setting.word(
        "tpm.key", default: AttestationKeyWord.p256, "kind of the attestation key, when one is made")
    static let logPath = Setting.text(
        "log.path", default: "/sys/kernel/security/integrity/ima", unit: "folder or file",
        "the measurement log: securityfs's folder, or a file in the binary form")
    static let state = Setting.text(
        "state", default: "/var/lib/assay-agent", unit: "folder",
        "the attestation key, and the shards of a log that isn't the kernel's own")
    static let shardsDirectory = Setting.optionalText(
        "shards.directory", absence: "what `/etc/ima-shards.conf` says; see [shards](shards.md)", unit: "folder",
        "the shards of all boots")
    static let shardsGroup = Setting.optionalText(
        "shards.group", absence: "the agent's own", unit: "group, by name or number",
        "what folders and files of shards are given to")
    static let shardsReaders = Setting.word(
        "shards.readers", default: ShardsReaders.group,
        "who may read the shards: they tell which files the host has used")
    static let shardsQuota = Setting.integer(
        "shards.quota_bytes", default: 4 << 30, in: (1 << 20)...(1 << 50), unit: "bytes",
        "what one boot's shards may take")
    static let trim = Setting.word(
        "trim", default: TrimWord.off,
        "whether the kernel's records are freed once they are stored (Linux 7.2 and later)")
    static let level = Setting.word(
        "logging.level", default: Logger.Level.info, "what is written to standard error; `--log-level` is stronger")

    static let schema = SettingsSchema(
        defaultFile: "/etc/assay/agent.yaml", environmentPrefix: "ASSAY_AGENT_", maker: "assay-agent join",
        [
            verifierHost.declaration, verifierPort.declaration, verifierName.declaration, certificate.declaration,
            key.declaration, trust.declaration, tcti.declaration, keyKind.declaration, logPath.declaration,
            state.declaration, shardsDirectory.declaration, shardsGroup.declaration, shardsReaders.declaration,
            shardsQuota.declaration, trim.declaration, level.declaration,
        ])
}

/// The kinds of attestation key, by the words that a configuration uses.
enum AttestationKeyWord: String, CaseIterable {
    case p256
    case rsa2048

    var kind: KeyKind {
        switch self {
        case .p256: .p256
        case .rsa2048: .rsa2048
        }
    }
}

/// Who may read the shards.
enum ShardsReaders: String, CaseIterable {
    case group
    case all
}

/// What is done with the kernel's records once they are stored.
enum TrimWord: String, CaseIterable {
    case off
    case staged
}
