internal import Glibc

/// The right to be the only process of its kind beside a file, held until this is released.
///
/// It is a `flock`, so the system takes it back from a process that died. The file's content, the process's id, only serves
/// the message to a second one. The file is its folder's owner's, also where root makes it.
package final class ProcessClaim: Sendable {
    private let descriptor: Int32

    /// Why there is no claim.
    package enum Refusal: Error, Hashable {
        /// Another process holds it; its id, if it can be read.
        case held(by: Int32?)
        /// The file can't be opened.
        case file(FileError)
    }

    /// Claims a file, which is made if it isn't there.
    package init(_ path: String) throws(Refusal) {
        let attempt = "opening \(path)"
        descriptor = try withRights(ofOwnerOf: folder(of: path), refusal: Refusal.file) { () throws(Refusal) in
            let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw .file(FileError(attempt, errno: errno)) }
            return descriptor
        }
        // The deinit runs where this throws, too, and closes the descriptor: every property has its value.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw .held(by: Self.owner(descriptor)) }
        let id = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        _ = id.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    deinit { close(descriptor) }

    /// The process that holds a claim; nil if none does, or nobody may know. 0 for one whose id can't be read.
    package static func holder(of path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) != 0 else { return nil }
        return owner(descriptor) ?? 0
    }

    private static func owner(_ descriptor: Int32) -> Int32? {
        var digits = [UInt8](repeating: 0, count: 20)
        let count = pread(descriptor, &digits, digits.count, 0)
        let text = digits.prefix(max(0, count)).prefix { (0x30...0x39).contains($0) }
        return Int32(String(decoding: text, as: UTF8.self))
    }
}
