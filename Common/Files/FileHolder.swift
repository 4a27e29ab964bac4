internal import Bytes
internal import Glibc

/// A process that has a file open.
package struct FileHolder: Hashable, Sendable {
    /// Its number.
    package let process: Int32
    /// What it calls itself; escaped.
    package let program: String

    package init(process: Int32, program: String) {
        self.process = process
        self.program = program
    }

    /// The other processes that have a certain file open, as far as /proc shows them: other users' files are for root to
    /// see.
    ///
    /// - Parameter isWanted: is given a link to an open file, and the name that the kernel gives the file. Only what has such
    ///   a name should be looked at: to look at a file whose server is away would take forever.
    package static func all(where isWanted: (_ link: String, _ name: String) -> Bool) -> [FileHolder] {
        entries(of: "/proc").compactMap { Int32($0) }.sorted().filter { process in
            guard process != getpid() else { return false }
            let folder = "/proc/\(process)/fd"
            return entries(of: folder).contains { descriptor in
                let link = "\(folder)/\(descriptor)"
                return target(of: link).map { isWanted(link, $0) } ?? false
            }
        }.map { FileHolder(process: $0, program: program(of: $0)) }
    }

    private static func entries(of folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 }.map { $0 } }
            if name.first != UInt8(ascii: ".") { names.append(String(decoding: name, as: UTF8.self)) }
        }
        return names
    }

    private static func target(of link: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(link, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func program(of process: Int32) -> String {
        let name = (try? contents(ofFile: "/proc/\(process)/comm", limit: 64)) ?? []
        return name.isEmpty ? "?" : escaped(name.prefix { $0 != UInt8(ascii: "\n") })
    }
}

extension [FileHolder] {
    /// `: cat (process 4711)`; nothing if none is known.
    package var words: String {
        isEmpty ? "" : ": " + map { "\($0.program) (process \($0.process))" }.joined(separator: ", ")
    }
}
