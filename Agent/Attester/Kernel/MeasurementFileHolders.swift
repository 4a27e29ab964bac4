import Files
import Glibc
import SystemPackage

extension FileHolder {
    /// The other processes that have a file of a folder open whose name has a part.
    static func all(in folder: FilePath, named part: String) -> [FileHolder] {
        all { link, name in
            // The same file under another root, as in a container, has another name and is the same file.
            guard name.contains(part), let own = FilePath(name).lastComponent else { return false }
            return identity(link).map { $0 == identity(folder.appending(own).string) } ?? false
        }
    }

    /// The command that shows an operator who has any of the files open: a reader of any one keeps out who wants to trim.
    static func search(beside path: String) -> String {
        "`fuser -v \(FilePath(path).removingLastComponent())/*_measurements_*`, as root,"
    }

    private struct Identity: Hashable {
        let device: UInt
        let inode: UInt
    }

    private static func identity(_ path: String) -> Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    }
}
