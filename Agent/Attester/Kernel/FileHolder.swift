import Bytes
import FoundationEssentials
import Glibc
import SystemPackage

/// A process that has a measurement file open.
package struct FileHolder: Hashable, Sendable {
    /// Its number.
    package let process: Int32
    /// What it calls itself; escaped.
    package let program: String

    package init(process: Int32, program: String) {
        self.process = process
        self.program = program
    }

    /// The other processes that have a file of a folder open whose name has a part, as far as /proc shows them: other
    /// users' files are for root to see.
    static func all(in folder: FilePath, named part: String) -> [FileHolder] {
        let files = FileManager.default
        let names = (try? files.contentsOfDirectory(atPath: folder.string)) ?? []
        let wanted = Set(names.filter { $0.contains(part) }.compactMap { identity(folder.appending($0).string) })
        let processes = ((try? files.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }.sorted()
        return processes.filter { process in
            guard process != getpid() else { return false }
            let descriptors = (try? files.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []
            return descriptors.contains { descriptor in
                let link = "/proc/\(process)/fd/\(descriptor)"
                // Only what has such a name is looked at: to look at a file whose server is away would take forever.
                guard (try? files.destinationOfSymbolicLink(atPath: link))?.contains(part) == true else { return false }
                return identity(link).map(wanted.contains) ?? false
            }
        }.map { FileHolder(process: $0, program: program(of: $0)) }
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

    private static func program(of process: Int32) -> String {
        let name = FileManager.default.contents(atPath: "/proc/\(process)/comm") ?? Data()
        return name.isEmpty ? "?" : escaped(name.prefix { $0 != UInt8(ascii: "\n") })
    }
}

extension [FileHolder] {
    /// `: cat (process 4711)`; nothing if none is known.
    package var words: String {
        isEmpty ? "" : ": " + map { "\($0.program) (process \($0.process))" }.joined(separator: ", ")
    }
}
