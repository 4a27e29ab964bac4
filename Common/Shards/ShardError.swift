internal import Files
internal import Glibc

/// Why shards can't be read or written: what was wrong, where, and what the operator can do.
package struct ShardError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// A file or folder can't be opened, read or written.
        case inaccessible
        /// A file or folder can't be written, for its file system is mounted read-only.
        case readOnlyFileSystem
        /// A shard that the index names isn't there.
        case missing
        /// A shard's bytes aren't those that were written.
        case damaged
        /// The index can't be read.
        case indexMalformed
        /// There are no shards of this boot.
        case noShards
        /// Another process has held the lock for too long.
        case locked
        /// The shards would take more room than they are allowed, or than there is.
        case full
        /// Nobody else has what would be removed.
        case freed
        /// Records were left out, or are no records.
        case malformed
        /// The configuration can't be used.
        case configuration
    }

    /// What went wrong.
    package let code: Code
    /// The path that it is about.
    package let path: String
    /// What was wrong there.
    package let problem: String

    /// Makes an error at a path.
    package init(_ code: Code, path: String, problem: String) {
        self.code = code
        self.path = path
        self.problem = problem
    }

    /// What the operator can do.
    package var remedy: String {
        switch code {
        case .inaccessible: "run this as root or as a member of the shards' group, and check that the folder is there"
        case .readOnlyFileSystem: FileError.remedy(for: EROFS)
        case .missing, .damaged:
            "keep the folder as evidence; unless the kernel freed its records, `assay-agent shards clean` and "
                + "`assay-agent shards snapshot` write the shards anew, else a boot does"
        case .indexMalformed: "run `assay-agent shards snapshot`, which rebuilds the index from the shards"
        case .noShards: "run `assay-agent shards snapshot`"
        case .locked: "end the reader or writer that holds it (see lslocks), and try again"
        case .full: "raise shards.quota_bytes or free disk space: until then no record is freed in the kernel"
        case .freed: "give --force to remove them all the same; the host then needs a boot"
        case .malformed: "give whole records, in the log's order"
        case .configuration: "correct the file; shards.md of the documentation has its form"
        }
    }

    package var description: String { "\(path): \(problem); \(remedy)" }
}
