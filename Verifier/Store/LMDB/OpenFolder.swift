import Files
import Glibc
import Synchronization
import SystemPackage

/// Holds a folder's place in the list of those that this process has open: a second open would, when closed, drop the
/// first one's file locks.
final class OpenFolder: Sendable {
    private struct Identity: Hashable {
        var device: dev_t
        var inode: ino_t
    }

    private static let all = Mutex<Set<Identity>>([])
    private let identity: Identity

    init(_ path: FilePath) throws(StoreError) {
        var status = stat()
        let code = path.withPlatformString { stat($0, &status) }
        guard code == 0 else { throw StoreError(errno, "stat", at: .init(path: path.string)) }
        let identity = Identity(device: status.st_dev, inode: status.st_ino)
        guard Self.all.withLock({ $0.insert(identity).inserted }) else {
            throw StoreError(.alreadyOpen, "this process has it open", at: .init(path: path.string))
        }
        self.identity = identity
    }

    deinit {
        Self.all.withLock { _ = $0.remove(identity) }
    }
}

extension FilePath {
    /// Works in this folder with the rights of its owner, if root does: LMDB, too, opens files by their names.
    func withOwnersRights<Output>(_ body: () throws(StoreError) -> Output) throws(StoreError) -> Output {
        try withRights(ofOwnerOf: string, refusal: { StoreError($0.errno, "open", at: .init(path: string)) }, body)
    }
}
