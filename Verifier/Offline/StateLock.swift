import Glibc

/// Keeps other runs away from a state while this one uses it: two that read the same state would each replace what the
/// other committed.
///
/// The lock is a file beside the state, which goes when the run ends; one that a killed run left is nobody's, and is taken
/// over.
final class StateLock {
    private let path: String
    private let descriptor: Int32

    /// Locks a state, which needn't be there yet.
    ///
    /// - Throws: ``OfflineError`` if another run holds it, or the path is none of a regular file's.
    init(_ state: String) throws(OfflineError) {
        var status = stat()
        guard stat(state, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
            throw .file(path: state, problem: "no regular file")
        }
        let path = state + ".lock"
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { throw .system(path, errno) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                throw .file(path: state, problem: "another appraisal is using this state; wait for its end")
            }
            // The run that held it may have removed its name meanwhile.
            if Self.isNamed(path, descriptor) {
                self.path = path
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    private static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
        var held = stat()
        var named = stat()
        return fstat(descriptor, &held) == 0 && stat(path, &named) == 0 && named.st_ino == held.st_ino
            && named.st_dev == held.st_dev
    }
}
