import Glibc
import SystemPackage

/// The right to be the only server of a store, held until this is released. Command lines need no claim.
///
/// It is a `flock` on the file `server.lock` in the store's folder, so the system takes it back from a server that
/// died. The file's content, the server's process id, only serves the message to a second one.
package final class ServerClaim: Sendable {
    /// The lock file's name.
    static let fileName = "server.lock"

    private let descriptor: FileDescriptor

    /// Claims the store in a folder, or says who holds it.
    init(folder: FilePath) throws(StoreError) {
        let path = folder.appending(Self.fileName)
        let place = StoreError.Place(path: path.string)
        descriptor = try folder.withOwnersRights { () throws(StoreError) in
            do {
                return try .open(
                    path, .readWrite, options: [.create, .noFollow, .closeOnExec], permissions: [.ownerReadWrite])
            } catch {
                throw StoreError((error as? Errno)?.rawValue ?? EIO, "open", at: place)
            }
        }
        guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            // The deinit runs here, too, and closes the descriptor: every property has its value.
            throw StoreError(.serverRunning, "a server\(Self.owner(descriptor)) owns this store", at: place)
        }
        try? descriptor.resize(to: 0)
        _ = try? descriptor.writeAll(toAbsoluteOffset: 0, "\(getpid())\n".utf8)
    }

    deinit { try? descriptor.close() }

    /// The process of the server that owns a store; nil if none does.
    static func holder(of folder: FilePath) -> Int32? {
        guard let descriptor = try? FileDescriptor.open(folder.appending(fileName), .readOnly, options: .closeOnExec)
        else { return nil }
        defer { try? descriptor.close() }
        guard flock(descriptor.rawValue, LOCK_SH | LOCK_NB) != 0 else { return nil }
        return Int32(owner(descriptor).filter(\.isNumber)) ?? 0
    }

    private static func owner(_ descriptor: FileDescriptor) -> String {
        var digits = [UInt8](repeating: 0, count: 20)
        let count = (try? digits.withUnsafeMutableBytes { try descriptor.read(fromAbsoluteOffset: 0, into: $0) }) ?? 0
        let text = String(decoding: digits.prefix(count).prefix { (0x30...0x39).contains($0) }, as: UTF8.self)
        return text.isEmpty ? "" : " (process \(text))"
    }
}
