internal import CFileSystem
internal import Glibc

/// Opens a file or a folder; root follows no link of another user's (see ``Place``).
///
/// - Parameters:
///   - flags: open(2)'s; O_CLOEXEC is added.
///   - followsLast: whether the path itself may be a link.
/// - Returns: the descriptor, the caller's to close.
package func openFile(
    at path: String, _ flags: Int32, mode: UInt32 = 0, followsLast: Bool = false
) throws(FileError) -> Int32 {
    let attempt = "opening \(path)"
    return try Place(path, followsLast: followsLast, attempt).open(flags, mode: mode, attempt)
}

/// Does something with the rights of a folder's owner, if root asks: for what opens files in it by their names.
/// Whatever links the owner puts there then lead nowhere that the owner couldn't go, and new files are the owner's.
///
/// The rights are the calling thread's (setfsuid(2)), so `body` can't wait for another one.
///
/// - Parameter refusal: what is thrown if the folder can't be opened, or only through a link of another user's.
package func withRights<Output, Failure: Error>(
    ofOwnerOf folder: String, refusal: (FileError) -> Failure, _ body: () throws(Failure) -> Output
) throws(Failure) -> Output {
    guard geteuid() == 0 else { return try body() }
    var status = stat()
    do throws(FileError) {
        let descriptor = try openFile(at: folder, assay_o_path() | O_DIRECTORY, followsLast: true)
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0 else { throw FileError("opening \(folder)", errno: errno) }
    } catch {
        throw refusal(error)
    }
    guard status.st_uid != 0 else { return try body() }
    let group = setfsgid(status.st_gid)
    let user = setfsuid(status.st_uid)
    defer {
        setfsuid(uid_t(bitPattern: user))
        setfsgid(gid_t(bitPattern: group))
    }
    return try body()
}
