internal import Glibc

/// A file that can't be read or written: what was tried, and the system's reason.
package struct FileError: Error, Hashable, CustomStringConvertible {
    /// What was tried, with the path, such as `reading /etc/assay/ca.key`.
    package let attempt: String
    /// The system's number for the reason.
    package let errno: Int32

    /// An error of a system call.
    package init(_ attempt: String, errno: Int32) {
        self.attempt = attempt
        self.errno = errno
    }

    /// What the operator can do.
    package var remedy: String { Self.remedy(for: errno) }

    /// What the operator can do about an error of a system call on a file.
    package static func remedy(for errno: Int32) -> String {
        switch errno {
        case EACCES, EPERM: "run as root, or as the user who owns the folder"
        case EROFS: "its file system is mounted read-only: mount it for writing, or name another place"
        case ENOENT: "check the path"
        case ENOSPC, EDQUOT: "make room on the disk, and try again"
        case EFBIG: "it is longer than such a file can be: name another one"
        case ELOOP: "a symbolic link in the path is another user's, and root doesn't follow it: name what it leads to"
        case EISDIR: "name a file in it"
        default: "check the path, its permissions and the space left"
        }
    }

    /// The system's words for it.
    package var reason: String { String(cString: strerror(errno)) }

    package var description: String { "\(attempt): \(reason); \(remedy)" }
}
