internal import Glibc

/// Replaces a file: whoever reads it, and whatever fails, finds the old content or the new one, whole.
///
/// The new file belongs to the owner of its folder, so that root can prepare a service's files.
/// - Parameter mode: the permission bits, whatever the process's mask.
package func replaceFile(at path: String, with bytes: [UInt8], mode: UInt32) throws(FileError) {
    let place = try Place(path, followsLast: false, "creating a file beside \(path)")
    let temporary = "\(place.name).\(String(UInt64.random(in: .min ... .max), radix: 36))"
    let descriptor = openat(place.folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    try require(descriptor >= 0, "creating a file beside \(path)")
    do throws(FileError) {
        defer { close(descriptor) }
        try write(bytes, to: descriptor, "writing \(path)")
        try require(fchmod(descriptor, mode) == 0, "setting the permissions of \(path)")
        try giveToOwner(of: place.folder, descriptor, "giving \(path) to the owner of its folder")
        try require(fsync(descriptor) == 0, "flushing \(path)")
        try require(renameat(place.folder, temporary, place.folder, place.name) == 0, "renaming to \(path)")
    } catch {
        unlinkat(place.folder, temporary, 0)
        throw error
    }
    try flush(place.folder, "flushing the folder of \(path)")
}

/// The bytes of a file; nil if there is none.
///
/// - Parameter limit: the longest file that is read; a longer one is cut one byte behind it.
package func contents(ofFile path: String, limit: Int) throws(FileError) -> [UInt8]? {
    let attempt = "reading \(path)"
    let descriptor: Int32
    do throws(FileError) {
        descriptor = try Place(path, followsLast: true, attempt).open(O_RDONLY, attempt)
    } catch {
        guard error.errno == ENOENT else { throw error }
        return nil
    }
    defer { close(descriptor) }
    return try contents(of: descriptor, limit: limit, attempt)
}

/// What standard input gives up to its end.
///
/// - Parameter limit: in bytes; what is longer is cut one byte behind it.
package func standardInput(limit: Int) throws(FileError) -> [UInt8] {
    try contents(of: STDIN_FILENO, limit: limit, "reading standard input")
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
    let descriptor = try Place(path, followsLast: true, attempt).open(O_WRONLY | O_TRUNC, attempt)
    defer { close(descriptor) }
    try write(bytes, to: descriptor, attempt)
}

/// Makes a folder that only its owner can enter, and those above it that are missing. One that is there stays as it is.
///
/// It belongs to the owner of the folder that it is in.
package func makePrivateFolder(at path: String) throws(FileError) {
    if !exists(folder(of: path)) { try makePrivateFolder(at: folder(of: path)) }
    let attempt = "making the folder \(path)"
    let place = try Place(path, followsLast: false, attempt)
    guard mkdirat(place.folder, place.name, 0o700) != 0 else { return try give(place, path) }
    try require(errno == EEXIST, attempt)
}

/// Makes the folder that a file is to be in, and those above it that are missing, for everybody to enter.
package func makeFolder(ofFile path: String) throws(FileError) {
    let folder = folder(of: path)
    if exists(folder) { return }
    try makeFolder(ofFile: folder)
    let place = try Place(folder, followsLast: false, "making the folder \(folder)")
    try require(mkdirat(place.folder, place.name, 0o755) == 0 || errno == EEXIST, "making the folder \(folder)")
}

/// Removes a file, if it is there and can be removed.
package func removeFile(at path: String) {
    guard let place = try? Place(path, followsLast: false, "removing \(path)") else { return }
    unlinkat(place.folder, place.name, 0)
}

/// Whether there is something under a path, of whatever kind.
package func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
}

/// Gives a folder to the owner of the folder that it is in, if root asks. What else has its name now, such as a link or a
/// file with another name elsewhere, isn't root's to give.
private func give(_ place: borrowing Place, _ path: String) throws(FileError) {
    let attempt = "giving \(path) to the owner of its folder"
    let descriptor = try place.open(O_RDONLY | O_DIRECTORY, attempt)
    defer { close(descriptor) }
    try giveToOwner(of: place.folder, descriptor, attempt)
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

private func contents(of descriptor: Int32, limit: Int, _ attempt: String) throws(FileError) -> [UInt8] {
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

/// Only root can give a file away; for others it is theirs already.
private func giveToOwner(of folder: Int32, _ descriptor: Int32, _ attempt: String) throws(FileError) {
    guard geteuid() == 0 else { return }
    var status = stat()
    try require(fstat(folder, &status) == 0, attempt)
    try require(fchown(descriptor, status.st_uid, status.st_gid) == 0, attempt)
}

/// Makes a new name itself survive a power cut.
private func flush(_ folder: Int32, _ attempt: String) throws(FileError) {
    let descriptor = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try require(descriptor >= 0, attempt)
    defer { close(descriptor) }
    try require(fsync(descriptor) == 0, attempt)
}

/// The folder that a path is in.
func folder(of path: String) -> String {
    guard let end = path.lastIndex(of: "/") else { return "." }
    return end == path.startIndex ? "/" : String(path[..<end])
}

private func require(_ succeeded: Bool, _ attempt: String) throws(FileError) {
    let number = errno
    guard succeeded else { throw FileError(attempt, errno: number) }
}
