import Attester
import Glibc
import Settings
import Shards
import SystemPackage

/// What the agent is told of the host itself: its TPM, its log, the shards. All that `assay-agent shards` needs.
struct HostConfiguration: Sendable {
    let tcti: String
    let logPath: FilePath
    let stateFolder: FilePath
    let shards: MeasurementLog.Settings

    /// What is done with the kernel's records once they are stored.
    private enum Trim: String, CaseIterable {
        case off
        case staged
    }

    init(_ settings: Settings) throws(SettingsError) {
        tcti = try settings.text("tpm.tcti", default: AgentConfiguration.defaultTCTI)
        logPath = FilePath(try settings.text("log.path", default: Self.securityFS))
        stateFolder = FilePath(try settings.text("state", default: AgentConfiguration.defaultState))
        let permissions = ShardPermissions(
            group: try Self.group(settings),
            isWorldReadable: try settings.word("shards.readers", default: Readers.group) == .all)
        let quota = try settings.integer("shards.quota_bytes", default: 4 << 30, in: (1 << 20)...(1 << 50))
        shards = MeasurementLog.Settings(
            directory: try Self.directory(settings, logPath, stateFolder),
            options: ShardWriter.Options(permissions: permissions, quotaBytes: UInt64(quota)),
            trims: try settings.word("trim", default: Trim.off) == .staged)
    }

    private static let securityFS = "/sys/kernel/security/integrity/ima"

    /// Who may read the shards.
    private enum Readers: String, CaseIterable {
        case group
        case all
    }

    /// The shards of the kernel's own log are where every program finds them; those of another, as in a test, beside the
    /// agent's own files.
    private static func directory(
        _ settings: Settings, _ logPath: FilePath, _ stateFolder: FilePath
    ) throws(SettingsError) -> FilePath {
        if let own = try settings.text("shards.directory") { return FilePath(own) }
        guard logPath.starts(with: "/sys/kernel/security") else { return stateFolder.appending("shards") }
        do throws(ShardError) {
            return try ShardsConfiguration.read().directory
        } catch {
            throw SettingsError(source: error.path, key: nil, problem: "\(error.problem); \(error.remedy)")
        }
    }

    /// A group's number, from its number or its name.
    private static func group(_ settings: Settings) throws(SettingsError) -> UInt32? {
        guard let name = try settings.text("shards.group") else { return nil }
        if let number = UInt32(name) { return number }
        guard let group = getgrnam(name) else {
            throw SettingsError(
                source: "shards.group", key: nil, problem: "is \"\(name)\", and this host has no such group")
        }
        return group.pointee.gr_gid
    }
}
