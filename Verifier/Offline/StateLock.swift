import Glibc

/// Keeps other runs away from a state while this one uses it: two that read the same state would each replace what the
/// other committed.
///
/// The lock is the state file's own. A commit puts another file in its place, so the name is looked at again once the lock
/// is held.
final class StateLock {
    private let path: String
    private let descriptor: Int32
    private let isNew: Bool

    /// Locks a state, which needn't be there yet.
    ///
    /// - Throws: ``OfflineError`` if another run holds it, or the path is none of a file that can be written.
    init(_ path: String) throws(OfflineError) {
        while true {
            var isNew = true
            var descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if descriptor < 0, errno == EEXIST {
                isNew = false
                descriptor = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
                // Another run has just put an end to it.
                if descriptor < 0, errno == ENOENT { continue }
            }
            guard descriptor >= 0 else { throw Self.failure(path) }
            do throws(OfflineError) {
                if try Self.lock(descriptor, path) {
                    self.path = path
                    self.descriptor = descriptor
                    self.isNew = isNew
                    return
                }
            } catch {
                close(descriptor)
                throw error
            }
            close(descriptor)
        }
    }

    deinit {
        // A state that this run began and didn't commit leaves nothing behind.
        var status = stat()
        if isNew, fstat(descriptor, &status) == 0, status.st_size == 0, Self.isNamed(path, status) { unlink(path) }
        close(descriptor)
    }

    /// False if the name has come to be another file's meanwhile.
    private static func lock(_ descriptor: Int32, _ path: String) throws(OfflineError) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .file(path: path, problem: "no regular file") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw errno == EWOULDBLOCK
                ? .file(path: path, problem: "another appraisal is using this state; wait for its end") : failure(path)
        }
        return isNamed(path, status)
    }

    private static func isNamed(_ path: String, _ status: stat) -> Bool {
        var named = stat()
        return stat(path, &named) == 0 && named.st_ino == status.st_ino && named.st_dev == status.st_dev
    }

    private static func failure(_ path: String) -> OfflineError {
        .file(path: path, problem: String(cString: strerror(errno)))
    }
}
