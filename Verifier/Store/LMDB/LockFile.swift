import Glibc
import SystemPackage

/// LMDB's lock file, whose blocks are reserved before LMDB maps it.
///
/// LMDB makes it as a hole and writes through the map: on a full disk that ends the process with a signal (SIGBUS), where
/// a system call gives an error.
enum LockFile {
    /// Bytes that are reserved: the slots of all readers but one, so that it is never longer than LMDB makes it. A longer
    /// file would have LMDB look for more slots than a process has mapped that opened it before.
    private static func size(readers: CUnsignedInt) -> off_t { off_t(readers - 1) * 64 }

    /// Makes the file, or fills holes in one that is there. Call while this process doesn't have the store open: closing
    /// the file would drop LMDB's locks on it.
    ///
    /// - Throws: `diskFull`. What else goes wrong LMDB itself will tell, or can do without.
    static func reserve(in folder: FilePath, readers: CUnsignedInt) throws(StoreError) {
        let path = folder.appending(StoreFolder.lockFile)
        let isNew = path.withPlatformString { access($0, F_OK) } != 0
        let descriptor = path.withPlatformString { Glibc.open($0, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let number = posix_fallocate(descriptor, 0, size(readers: readers))
        guard number == ENOSPC || number == EDQUOT else { return }
        if isNew { path.withPlatformString { _ = unlink($0) } }
        throw StoreError(number, "posix_fallocate", at: .init(path: path.string))
    }
}
