import Glibc

/// The file of an incremental appraisal: it holds the last committed state, whole, or is not there yet.
enum StateStorage {
    /// A state of 100,000 keys is smaller, in bytes.
    private static let limit = 1 << 30

    /// What was saved; nil if there is no such file.
    static func load(_ path: String) throws(OfflineError) -> SavedAppraisal? {
        guard access(path, F_OK) == 0 || errno != ENOENT else { return nil }
        let bytes = try InputFile(path).contents(limit: limit)
        do throws(SavedAppraisal.FormatError) {
            return try SavedAppraisal(json: bytes)
        } catch {
            throw .file(path: path, problem: "\(error)")
        }
    }

    /// Replaces what was saved, at once and durably: the new file takes the old one's place when it is whole on disk.
    static func save(_ saved: SavedAppraisal, to path: String) throws(OfflineError) {
        guard let bytes = try? saved.json() else { throw .file(path: path, problem: "the state can't be encoded") }
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)  // one that a killed process has left, or somebody has put there
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(temporary) }
        let isWritten = write(bytes, to: descriptor) && fsync(descriptor) == 0
        let problem = isWritten ? nil : failure(temporary)
        close(descriptor)
        if let problem {
            unlink(temporary)
            throw problem
        }
        guard rename(temporary, path) == 0 else {
            let problem = failure(path)
            unlink(temporary)
            throw problem
        }
        syncFolder(of: path)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// The new name is on disk once its folder is; where folders can't be synced it is so in the file system's own time.
    private static func syncFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ path: String) -> OfflineError {
        .system(path, errno)
    }
}
