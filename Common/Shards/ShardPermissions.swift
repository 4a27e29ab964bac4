/// Who besides the writer may read the shards.
package struct ShardPermissions: Hashable, Sendable {
    /// The group that folders and files are given to; nil leaves the writer's own.
    package var group: UInt32?
    /// Whether anybody may read them: names of all files that the host has used are in a log.
    package var isWorldReadable: Bool

    /// The writer and a group, unless told otherwise.
    package init(group: UInt32? = nil, isWorldReadable: Bool = false) {
        self.group = group
        self.isWorldReadable = isWorldReadable
    }

    var folderMode: UInt32 { isWorldReadable ? 0o755 : 0o750 }
    var fileMode: UInt32 { isWorldReadable ? 0o644 : 0o640 }
}
