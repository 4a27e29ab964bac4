internal import Glibc

/// Replaces a file: whoever reads it, and whatever fails, finds the old content or the new one, whole.
///
/// The new file belongs to the owner of its folder, so that root can prepare a service's files.
/// - Parameter mode: the permission bits, whatever the process's mask.
package func replaceFile(at path: String, with bytes: [UInt8], mode: UInt32) throws(FileError) {
    var temporary = Array("\(path).XXXXXX".utf8CString)
    let descriptor = mkstemp(&temporary)
    try require(descriptor >= 0, "creating a file beside \(path)")
    do throws(FileError) {
        defer { close(descriptor) }
        try write(bytes, to: descriptor, "writing \(path)")
        try require(fchmod(descriptor, mode) == 0, "setting the permissions of \(path)")
        try giveToOwner(of: folder(of: path), descriptor, "giving \(path) to the owner of its folder")
        try require(fsync(descriptor) == 0, "flushing \(path)")
        try require(rename(temporary, path) == 0, "renaming to \(path)")
    } catch {
        unlink(temporary)
        throw error
    }
    try flush(folder: folder(of: path))
}

/// The bytes of a file; nil if there is none.
///
/// - Parameter limit: the longest file that is read; a longer one is cut one byte behind it.
package func contents(ofFile path: String, limit: Int) throws(FileError) -> [UInt8]? {
    let attempt = "reading \(path)"
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
        guard errno == ENOENT else { throw FileError(attempt, errno: errno) }
        return nil
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count <= limit {
        let count = read(descriptor, &part, min(part.count, limit + 1 - bytes.count))
        if count == 0 { break }
        guard count > 0 else {
            guard errno == EINTR else { throw FileError(attempt, errno: errno) }
            continue
        }
        bytes += part.prefix(count)
    }
    return bytes
}

/// The bytes of a file that must be there.
///
/// - Parameter limit: in bytes; a longer file is refused.
package func requiredContents(ofFile path: String, limit: Int) throws(FileError) -> [UInt8] {
    guard let bytes = try contents(ofFile: path, limit: limit) else {
        throw FileError("reading \(path)", errno: ENOENT)
    }
    guard bytes.count <= limit else { throw FileError("reading \(path)", errno: EFBIG) }
    return bytes
}

/// Writes where an operator said: a file is replaced whole, or made for everybody to read; what is no file, such as
/// `/dev/stdout`, is written to.
package func writeFile(at path: String, with bytes: [UInt8]) throws(FileError) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else {
        return try replaceFile(at: path, with: bytes, mode: 0o644)
    }
    let attempt = "writing \(path)"
    let descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
    try require(descriptor >= 0, attempt)
    defer { close(descriptor) }
    try write(bytes, to: descriptor, attempt)
}

/// Makes a folder that only its owner can enter, and those above it that are missing. One that is there stays as it is.
///
/// It belongs to the owner of the folder that it is in.
package func makePrivateFolder(at path: String) throws(FileError) {
    if !exists(folder(of: path)) { try makePrivateFolder(at: folder(of: path)) }
    guard mkdir(path, 0o700) != 0 else { return try giveToOwnerOfFolder(path) }
    let number = errno
    guard number == EEXIST else { throw FileError("making the folder \(path)", errno: number) }
}

/// Makes the folder that a file is to be in, and those above it that are missing, for everybody to enter.
package func makeFolder(ofFile path: String) throws(FileError) {
    let folder = folder(of: path)
    if exists(folder) { return }
    try makeFolder(ofFile: folder)
    try require(mkdir(folder, 0o755) == 0 || errno == EEXIST, "making the folder \(folder)")
}

/// Removes a file, if it is there and can be removed.
package func removeFile(at path: String) { unlink(path) }

/// Whether there is something under a path, of whatever kind.
package func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
}

/// Gives a file, or a folder, to the owner of the folder that it is in, if root asks.
package func giveToOwnerOfFolder(_ path: String) throws(FileError) {
    let attempt = "giving \(path) to the owner of its folder"
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    try require(descriptor >= 0, attempt)
    defer { close(descriptor) }
    try giveToOwner(of: folder(of: path), descriptor, attempt)
}

private func write(_ bytes: [UInt8], to descriptor: Int32, _ attempt: String) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        try require(count > 0, attempt)
        rest = rest.dropFirst(count)
    }
}

/// Only root can give a file away; for others it is theirs already.
private func giveToOwner(of folder: String, _ descriptor: Int32, _ attempt: String) throws(FileError) {
    guard geteuid() == 0 else { return }
    var status = stat()
    try require(stat(folder, &status) == 0, attempt)
    try require(fchown(descriptor, status.st_uid, status.st_gid) == 0, attempt)
}

/// Makes a new name itself survive a power cut.
private func flush(folder: String) throws(FileError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try require(descriptor >= 0, "opening \(folder)")
    defer { close(descriptor) }
    try require(fsync(descriptor) == 0, "flushing \(folder)")
}

private func folder(of path: String) -> String {
    guard let end = path.lastIndex(of: "/") else { return "." }
    return end == path.startIndex ? "/" : String(path[..<end])
}

private func require(_ succeeded: Bool, _ attempt: String) throws(FileError) {
    let number = errno
    guard succeeded else { throw FileError(attempt, errno: number) }
}
