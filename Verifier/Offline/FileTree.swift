package import AssayCrypto
import Bytes
import Glibc

/// The regular files below a folder, as a running host would name them, with their digests.
///
/// Symbolic links aren't followed, for the kernel measures what they lead to under its own name; file systems that hold no
/// files of their own (proc, sysfs and the like) are passed over where they are mounted.
package struct FileTree {
    /// A file.
    package struct File: Sendable {
        /// From the tree's root, `/` in front.
        package let path: [UInt8]
        /// Of its content.
        package let digest: Digest
    }

    private let root: [UInt8]
    private let algorithm: HashAlgorithm
    private let leavesOut: ([UInt8]) -> Bool
    /// What couldn't be read, with the reason: a notice for each.
    package private(set) var unreadable: [String] = []

    /// A tree.
    ///
    /// - Parameters:
    ///   - root: a host's root folder, wherever it is mounted.
    ///   - leavesOut: whether a file is to be passed over.
    package init(_ root: String, algorithm: HashAlgorithm, leavesOut: @escaping ([UInt8]) -> Bool) {
        var bytes = Array(root.utf8)
        while bytes.count > 1, bytes.last == Self.slash { bytes.removeLast() }
        self.root = bytes == [Self.slash] ? [] : bytes
        self.algorithm = algorithm
        self.leavesOut = leavesOut
    }

    /// Visits every file, in no particular order.
    ///
    /// - Throws: ``OfflineError`` if the root can't be read. What can't be read below it is passed over, and noted.
    package mutating func forEach(_ body: (File) -> Void) throws(OfflineError) {
        guard let names = Self.names(in: root.isEmpty ? [Self.slash] : root) else {
            throw .system(escaped(root), errno)
        }
        let mounts = Self.pseudoMounts()
        let realRoot = Self.realPath(root)
        var pending = names.map { [Self.slash] + $0 }
        while let path = pending.popLast() {
            switch Self.kind(of: root + path) {
            case .file:
                if leavesOut(path) { continue }
                if let digest = digest(of: path) { body(File(path: path, digest: digest)) }
            case .folder where mounts.contains(realRoot + path): continue
            case .folder:
                guard let names = Self.names(in: root + path) else {
                    note(path)
                    continue
                }
                pending += names.map { path + [Self.slash] + $0 }
            case .other: continue
            }
        }
    }

    private mutating func digest(of path: [UInt8]) -> Digest? {
        let descriptor = Self.withPath(root + path) {
            open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        }
        guard descriptor >= 0 else {
            note(path)
            return nil
        }
        defer { close(descriptor) }
        guard var hash = try? IncrementalHash(algorithm) else { return nil }
        var piece = [UInt8](repeating: 0, count: 1 << 17)
        while true {
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                note(path)
                return nil
            }
            if count == 0 { break }
            hash.update(piece.span.extracting(0..<count))
        }
        return try? hash.finish()
    }

    private mutating func note(_ path: [UInt8]) {
        unreadable.append("\(escaped(path)): \(String(cString: strerror(errno)))")
    }
}

// MARK: - Folders

extension FileTree {
    private static let slash = UInt8(ascii: "/")

    private enum Kind {
        case file
        case folder
        case other
    }

    /// File systems without files of their own, by the names that the kernel has for them.
    private static let pseudo: Set<String> = [
        "proc", "sysfs", "devtmpfs", "devpts", "securityfs", "debugfs", "tracefs", "cgroup", "cgroup2", "bpf",
        "efivarfs", "pstore", "configfs", "selinuxfs", "fusectl", "mqueue", "binfmt_misc", "hugetlbfs", "autofs",
        "rpc_pipefs", "nsfs",
    ]

    /// Where such file systems are mounted now (proc(5), /proc/self/mounts: spaces and the like as octal numbers).
    private static func pseudoMounts() -> Set<[UInt8]> {
        guard let mounts = try? InputFile("/proc/self/mounts").contents(limit: 1 << 26) else { return [] }
        var places: Set<[UInt8]> = []
        for line in mounts.split(separator: 0x0a) {
            let words = line.split(separator: 0x20, maxSplits: 3)
            guard words.count > 2, pseudo.contains(String(decoding: words[2], as: UTF8.self)) else { continue }
            places.insert(unescaped(words[1]))
        }
        return places
    }

    private static func unescaped(_ word: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(3), as: UTF8.self)
            if byte == UInt8(ascii: "\\"), digits.utf8.count == 3, let number = UInt8(digits, radix: 8) {
                result.append(number)
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func kind(of path: [UInt8]) -> Kind {
        var status = stat()
        guard withPath(path, { lstat($0, &status) }) == 0 else { return .other }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        default: return .other
        }
    }

    /// The root without symbolic links; empty for `/`.
    private static func realPath(_ root: [UInt8]) -> [UInt8] {
        guard !root.isEmpty, let real = withPath(root, { realpath($0, nil) }) else { return [] }
        defer { free(real) }
        let bytes = UnsafeBufferPointer(start: real, count: strlen(real)).map { UInt8(bitPattern: $0) }
        return bytes == [slash] ? [] : bytes
    }

    private static func names(in path: [UInt8]) -> [[UInt8]]? {
        guard let folder = withPath(path, { opendir($0) }) else { return nil }
        defer { closedir(folder) }
        var names: [[UInt8]] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != [0x2e], name != [0x2e, 0x2e] { names.append(name) }
        }
        return names
    }

    /// Names are bytes: a `String` would change those that aren't UTF-8.
    private static func withPath<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        let terminated = path.map { CChar(bitPattern: $0) } + [0]
        return terminated.withUnsafeBufferPointer { buffer in
            // An array with at least one element has an address.
            buffer.baseAddress.map(body) ?? body("")
        }
    }
}
