import Bytes
import Store
import SystemPackage
import Terminal

/// A store, for people and for scripts.
struct ShownStore: Encodable {
    struct Contents: Encodable {
        let name: String
        let entries: Int
        let bytes: Int
    }

    let path: String
    let version: UInt32
    /// The version that this release reads and writes.
    let currentVersion: UInt32
    let storeId: String
    let fileBytes: Int
    let usedBytes: Int
    let limitBytes: Int
    let lastTransaction: Int
    /// The process that serves it; null if none does.
    let server: Int32?
    let staleReadersRemoved: Int
    let databases: [Contents]

    init(_ path: FilePath, _ info: StoreInfo, limit: Int) {
        self.path = escaped(path.string.utf8)
        version = info.version
        currentVersion = info.currentVersion
        storeId = info.storeID.hexadecimal
        fileBytes = info.fileBytes
        usedBytes = info.usedBytes
        limitBytes = limit
        lastTransaction = info.lastTransaction
        server = info.server
        staleReadersRemoved = info.staleReaders
        databases = info.databases.map {
            Contents(name: escaped($0.name.utf8), entries: $0.entries, bytes: $0.bytes)
        }
    }

    var lines: [String] {
        var lines = [
            "\(path): schema version \(version), \(versionRemark)", "  store id     \(storeId)",
            "  in use       \(size(usedBytes)) of a file of \(size(fileBytes)); the limit is \(size(limitBytes))",
            "  transaction  \(lastTransaction)", "  server       \(server.map { "process \($0)" } ?? "none")",
        ]
        if staleReadersRemoved > 0 {
            lines.append("  \(staleReadersRemoved) reader(s) had died; what they held is free now")
        }
        return lines
    }

    private var versionRemark: String {
        if version == currentVersion { return "this release's" }
        return version < currentVersion
            ? "this release needs \(currentVersion): assay-verifier store upgrade"
            : "this release knows \(currentVersion): use the one that wrote it, or have that one downgrade it"
    }

    private func size(_ bytes: Int) -> String { readableSize(UInt64(clamping: bytes)) }
}

/// A store that was read in full.
struct CheckedStore: Encodable {
    let version: UInt32
    let agents: Int
    let entries: Int
    let problems: [String]

    init(_ check: StoreCheck) {
        version = check.version
        agents = check.agents
        entries = check.entries
        problems = check.problems.map(\.description)
    }

    var summary: String {
        "schema version \(version), \(counted(agents, "agent")), \(counted(entries, "entry", "entries")) read"
    }
}

/// A store that was moved to another version.
struct MovedStore: Encodable {
    let from: UInt32
    let to: UInt32
    /// Agents whose log is appraised from record 0 now.
    let restarted: Int

    init(_ result: Migration.Result) {
        from = result.from
        to = result.to
        restarted = result.restarted
    }

    var sentence: String {
        from == to
            ? "the store has schema version \(to): nothing to do"
            : "the store is of schema version \(to) now, it was of \(from); "
                + "the logs of \(counted(restarted, "agent")) are appraised from record 0 at the next round"
    }
}
