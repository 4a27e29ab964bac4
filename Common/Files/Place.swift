internal import CFileSystem
internal import Glibc

/// Where a path leads: a folder that is held open, and a name in it.
///
/// Root works in folders of service accounts, and who owns a folder can put a link there at any moment. So the way is
/// gone step by step, and what is opened at each step is looked at, not its name before: root follows only its own
/// links, and those of who can't be told from it. Other users follow all links: none leads them where they couldn't go
/// anyway.
struct Place: ~Copyable {
    /// A descriptor for the folder, to be searched alone (O_PATH).
    let folder: Int32
    let name: String
    /// A link of procfs, such as that of `/dev/stdout`: what it leads to has no other name.
    private let isKernelLink: Bool

    private static let maximumLinks = 40

    /// - Parameters:
    ///   - followsLast: whether a link that has the last name is followed, if it may be.
    ///   - attempt: what is tried, for the error.
    init(_ path: String, followsLast: Bool, _ attempt: String) throws(FileError) {
        var names = Self.names(path)
        var links = 0
        var folder = try Self.open(AT_FDCWD, path.hasPrefix("/") ? "/" : ".", O_DIRECTORY, attempt)
        do throws(FileError) {
            while true {
                let name = names.removeFirst()
                let isLast = names.isEmpty
                guard !isLast || followsLast, let next = try Self.step(folder, name, isLast: isLast, attempt) else {
                    self.folder = folder
                    self.name = name
                    isKernelLink = false
                    return
                }
                switch next {
                case .link(let target):
                    links += 1
                    guard links <= Self.maximumLinks else { throw FileError(attempt, errno: ELOOP) }
                    names = Self.names(target) + names
                    guard target.hasPrefix("/") else { continue }
                    close(folder)
                    folder = -1
                    folder = try Self.open(AT_FDCWD, "/", O_DIRECTORY, attempt)
                case .found(let descriptor, let isKernelLink):
                    guard isLast else {
                        close(folder)
                        folder = descriptor
                        continue
                    }
                    close(descriptor)
                    self.folder = folder
                    self.name = name
                    self.isKernelLink = isKernelLink
                    return
                }
            }
        } catch {
            if folder >= 0 { close(folder) }
            throw error
        }
    }

    deinit { close(folder) }

    /// Opens what has the name, if it is no link now.
    ///
    /// - Parameter flags: open(2)'s; O_CLOEXEC is added.
    func open(_ flags: Int32, mode: UInt32 = 0, _ attempt: String) throws(FileError) -> Int32 {
        let descriptor = openat(folder, name, flags | O_CLOEXEC | (isKernelLink ? 0 : O_NOFOLLOW), mode)
        guard descriptor >= 0 else { throw FileError(attempt, errno: errno) }
        return descriptor
    }

    // MARK: One step

    private enum Step {
        case link(to: String)
        /// Anything else; the descriptor is to be searched alone.
        case found(Int32, isKernelLink: Bool)
    }

    /// - Returns: nil if nothing has the last name.
    private static func step(
        _ folder: Int32, _ name: String, isLast: Bool, _ attempt: String
    ) throws(FileError) -> Step? {
        let descriptor = openat(folder, name, assay_o_path() | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            if isLast, errno == ENOENT { return nil }
            throw FileError(attempt, errno: errno)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else {
            return .found(descriptor, isKernelLink: false)
        }
        defer { close(descriptor) }
        if assay_is_on_procfs(descriptor) != 0 { return .found(try open(folder, name, 0, attempt), isKernelLink: true) }
        guard geteuid() != 0 || status.st_uid == 0 else { throw FileError(attempt, errno: ELOOP) }
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(descriptor, "", &target, target.count)
        guard count > 0, count < target.count else { throw FileError(attempt, errno: ELOOP) }
        return .link(to: String(decoding: target.prefix(count), as: UTF8.self))
    }

    private static func open(
        _ folder: Int32, _ name: String, _ flags: Int32, _ attempt: String
    ) throws(FileError) -> Int32 {
        let descriptor = openat(folder, name, flags | assay_o_path() | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(attempt, errno: errno) }
        return descriptor
    }

    /// A path's names, at least one.
    private static func names(_ path: String) -> [String] {
        let names = path.split(separator: "/").map(String.init)
        return names.isEmpty ? [path.isEmpty ? "" : "."] : names
    }
}
