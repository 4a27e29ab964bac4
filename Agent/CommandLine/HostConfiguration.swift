import Attester
import Glibc
import Settings
import Shards
import SystemPackage
import TPMDevice

/// What the agent is told of the host itself: its TPM, its log, the shards. All that is needed where no verifier is.
struct HostConfiguration: Sendable {
    let tcti: String
    /// Of the attestation key, when one is made.
    let keyKind: KeyKind
    let logPath: FilePath
    let stateFolder: FilePath
    let shards: MeasurementLog.Settings

    init(_ settings: Settings) throws(SettingsError) {
        tcti = try settings.value(of: AgentSettings.tcti)
        keyKind = try settings.value(of: AgentSettings.keyKind).kind
        logPath = FilePath(try settings.value(of: AgentSettings.logPath))
        stateFolder = FilePath(try settings.value(of: AgentSettings.state))
        let readers = try settings.value(of: AgentSettings.shardsReaders)
        let permissions = ShardPermissions(group: try Self.group(settings), isWorldReadable: readers == .all)
        let quota = try settings.value(of: AgentSettings.shardsQuota)
        shards = MeasurementLog.Settings(
            directory: try Self.directory(settings, logPath, stateFolder),
            options: ShardWriter.Options(permissions: permissions, quotaBytes: UInt64(quota)),
            trims: try settings.value(of: AgentSettings.trim) == .staged)
    }

    /// The shards of the kernel's own log are where every program finds them; those of another, as in a test, beside the
    /// agent's own files.
    private static func directory(
        _ settings: Settings, _ logPath: FilePath, _ stateFolder: FilePath
    ) throws(SettingsError) -> FilePath {
        if let own = try settings.value(of: AgentSettings.shardsDirectory) { return FilePath(own) }
        guard logPath.starts(with: "/sys/kernel/security") else { return stateFolder.appending("shards") }
        do throws(ShardError) {
            return try ShardsConfiguration.read().directory
        } catch {
            throw SettingsError([.init(place: error.path, key: nil, problem: "\(error.problem); \(error.remedy)")])
        }
    }

    /// A group's number, from its number or its name.
    private static func group(_ settings: Settings) throws(SettingsError) -> UInt32? {
        guard let name = try settings.value(of: AgentSettings.shardsGroup) else { return nil }
        if let number = UInt32(name) { return number }
        guard let group = getgrnam(name) else {
            let problem = "is \"\(name)\", and this host has no such group; make it, or name another"
            throw SettingsError([.init(place: "the configuration", key: "shards.group", problem: problem)])
        }
        return group.pointee.gr_gid
    }
}
