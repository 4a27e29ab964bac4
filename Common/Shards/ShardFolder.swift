internal import Files
internal import FoundationEssentials
import Glibc
internal import SystemPackage

/// The files of one folder: the thin edge under the shards. Nothing here knows what the bytes are.
struct ShardFolder: Sendable {
    let path: FilePath
    let permissions: ShardPermissions
    let observe: FileObserver

    /// The names of everything in it, sorted; none if there is no such folder.
    func names() throws(ShardError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path.string).sorted()
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return []
        } catch {
            throw ShardError(.inaccessible, path: path.string, problem: "can't be listed")
        }
    }

    /// What tells a file from the one that it was: another, or another's content.
    struct Status: Hashable, Sendable {
        let length: UInt64
        let inode: UInt64
        /// When it was written to last, in seconds and nanoseconds.
        let modified: [Int]
    }

    /// A file's status; nil if there is none.
    func status(_ name: String) -> Status? {
        var status = stat()
        guard lstat(path.appending(name).string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Status(
            length: UInt64(max(0, status.st_size)), inode: UInt64(status.st_ino),
            modified: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec])
    }

    /// A whole file; nil if there is none.
    ///
    /// - Parameter limit: a longer file is refused before anything is allocated.
    func content(_ name: String, limit: Int) throws(ShardError) -> [UInt8]? {
        let file = path.appending(name)
        observe(.read(file))
        do {
            let descriptor = try open(file, O_RDONLY | O_NONBLOCK)
            defer { try? descriptor.close() }
            var status = stat()
            guard fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw ShardError(.damaged, path: file.string, problem: "is no file")
            }
            let length = Int(try descriptor.seek(offset: 0, from: .end))
            guard length <= limit else {
                throw ShardError(
                    .damaged, path: file.string, problem: "has \(length) bytes, \(limit) at most are right")
            }
            return try [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
                while filled < length {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                    let count = try descriptor.read(fromAbsoluteOffset: Int64(filled), into: rest)
                    guard count > 0 else { break }
                    filled += count
                }
            }
        } catch let error as ShardError {
            throw error
        } catch {
            guard error as? Errno != .noSuchFileOrDirectory else { return nil }
            throw failure(error, file, "can't be read")
        }
    }

    /// Writes a new file, to the disk.
    func create(_ name: String, _ bytes: some Collection<UInt8>) throws(ShardError) {
        let file = path.appending(name)
        observe(.write(file))
        do {
            // Always a new file: one that somebody has put there may have another name elsewhere.
            unlink(file.string)
            let descriptor = try open(file, O_WRONLY | O_CREAT | O_EXCL, mode: permissions.fileMode)
            defer { try? descriptor.close() }
            try descriptor.writeAll(bytes)
            try give(descriptor, permissions.fileMode, recipients(in: path))
            try synchronize(descriptor, file)
        } catch {
            throw failure(error, file, "can't be written")
        }
    }

    /// Adds bytes at an offset of a file, to the disk; what stood there before goes.
    func append(_ bytes: [UInt8], to name: String, at offset: Int64) throws(ShardError) {
        let file = path.appending(name)
        observe(.write(file))
        do {
            let descriptor = try open(file, O_WRONLY | O_NONBLOCK)
            defer { try? descriptor.close() }
            try refuseOtherNames(descriptor, file)
            try descriptor.resize(to: offset)
            try descriptor.writeAll(toAbsoluteOffset: offset, bytes)
            try synchronize(descriptor, file)
        } catch {
            throw failure(error, file, "can't be written")
        }
    }

    /// Gives a file another name, in place of a file that has it, to the disk.
    func rename(_ name: String, to other: String) throws(ShardError) {
        let (file, new) = (path.appending(name), path.appending(other))
        observe(.rename(file, to: new))
        guard Glibc.rename(file.string, new.string) == 0 else {
            throw failure(Errno(rawValue: errno), file, "can't be renamed")
        }
        try synchronizeFolder()
    }

    /// Removes a file, if it is there.
    func remove(_ name: String) throws(ShardError) {
        let file = path.appending(name)
        observe(.remove(file))
        guard unlink(file.string) == 0 || errno == ENOENT else {
            throw failure(Errno(rawValue: errno), file, "can't be removed")
        }
    }

    /// Makes the folder, if it isn't there. One that is, such as a package's, is opened to the readers that are
    /// configured, and closed to nobody.
    func make() throws(ShardError) {
        var status = stat()
        let isThere = stat(path.string, &status) == 0
        let mode = isThere ? status.st_mode & 0o7777 | permissions.folderMode : permissions.folderMode
        let recipients = isThere ? (nil, permissions.group) : recipients(in: path.removingLastComponent())
        if isThere {
            guard isOwn(status), permissions != ShardPermissions(), !isGiven(status, mode, recipients) else { return }
        }
        observe(.write(path))
        do {
            try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
            let descriptor = try open(path, O_RDONLY | O_DIRECTORY, followsLast: true)
            defer { try? descriptor.close() }
            try give(descriptor, mode, recipients)
        } catch {
            throw failure(error, path, "can't be made")
        }
    }

    /// Gives the folder and files of it to those that are configured, who may be others than when they were made; those
    /// that this process can't give stay as they are.
    func give(_ names: [String]) throws(ShardError) {
        try give(path, permissions.folderMode, in: path.removingLastComponent(), O_RDONLY | O_DIRECTORY)
        for name in names { try give(path.appending(name), permissions.fileMode, in: path, O_WRONLY | O_NONBLOCK) }
    }

    /// Removes the folder and all that is in it, in one step as others see it.
    func removeAll() throws(ShardError) {
        guard access(path.string, F_OK) == 0, let name = path.lastComponent else { return }
        let parent = ShardFolder(path: path.removingLastComponent(), permissions: permissions, observe: observe)
        let condemned = "." + name.string + ".removed"
        try parent.finishRemoval(condemned)
        try parent.rename(name.string, to: condemned)
        try parent.finishRemoval(condemned)
    }

    /// Removes a folder that has its last name already.
    func finishRemoval(_ name: String) throws(ShardError) {
        let folder = path.appending(name)
        guard access(folder.string, F_OK) == 0 else { return }
        observe(.remove(folder))
        do {
            try FileManager.default.removeItem(atPath: folder.string)
        } catch {
            throw failure(error, folder, "can't be removed")
        }
    }

    /// Names are on the disk once their folder is.
    func synchronizeFolder() throws(ShardError) {
        do {
            let descriptor = try open(path, O_RDONLY | O_DIRECTORY, followsLast: true)
            defer { try? descriptor.close() }
            try synchronize(descriptor, path)
        } catch {
            throw failure(error, path, "can't be written to the disk")
        }
    }

    /// Opens a file of the folder, or the folder: root follows no link that another user has put there.
    private func open(
        _ file: FilePath, _ flags: Int32, mode: UInt32 = 0, followsLast: Bool = false
    ) throws(Errno) -> FileDescriptor {
        do throws(FileError) {
            return FileDescriptor(
                rawValue: try openFile(at: file.string, flags, mode: mode, followsLast: followsLast))
        } catch {
            throw Errno(rawValue: error.errno)
        }
    }

    /// A file that has another name elsewhere, and isn't the folder's owner's, isn't one of these, whoever has put it
    /// there.
    private func refuseOtherNames(_ descriptor: FileDescriptor, _ file: FilePath) throws(ShardError) {
        var status = stat()
        var folder = stat()
        guard fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            stat(path.string, &folder) == 0, status.st_nlink == 1 || status.st_uid == folder.st_uid
        else { throw ShardError(.damaged, path: file.string, problem: "is no file, or has another name elsewhere") }
    }

    private func synchronize(_ descriptor: FileDescriptor, _ file: FilePath) throws {
        observe(.synchronize(file))
        guard fsync(descriptor.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }

    private func failure(_ error: any Error, _ file: FilePath, _ what: String) -> ShardError {
        if let error = error as? ShardError { return error }
        let errno = error as? Errno
        let isFull = errno == .noSpace || errno == Errno(rawValue: EDQUOT)
        let code: ShardError.Code =
            isFull ? .full : errno == .readOnlyFileSystem ? .readOnlyFileSystem : .inaccessible
        return ShardError(code, path: file.string, problem: "\(what): \(error)")
    }
}

/// Whose the files are.
extension ShardFolder {
    /// Owner and group; nil leaves what is.
    private typealias Recipients = (owner: uid_t?, group: gid_t?)

    /// What root writes belongs to whom the folder above belongs to: an operator's command must not lock the agent's own
    /// user out.
    private func recipients(in folder: FilePath) -> Recipients {
        var status = stat()
        guard geteuid() == 0, stat(folder.string, &status) == 0 else { return (nil, permissions.group) }
        return (status.st_uid, permissions.group ?? status.st_gid)
    }

    private func isOwn(_ status: stat) -> Bool { geteuid() == 0 || status.st_uid == geteuid() }

    private func isGiven(_ status: stat, _ mode: UInt32, _ recipients: Recipients) -> Bool {
        status.st_mode & 0o7777 == mode && recipients.owner ?? status.st_uid == status.st_uid
            && recipients.group ?? status.st_gid == status.st_gid
    }

    private func give(
        _ file: FilePath, _ mode: UInt32, in folder: FilePath, _ flags: Int32
    ) throws(ShardError) {
        var status = stat()
        let recipients = recipients(in: folder)
        guard lstat(file.string, &status) == 0, isOwn(status), !isGiven(status, mode, recipients) else { return }
        observe(.write(file))
        do {
            let descriptor = try open(file, flags)
            defer { try? descriptor.close() }
            // A file that has another name elsewhere isn't ours to give away.
            guard fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFDIR || status.st_nlink == 1
            else { return }
            try give(descriptor, mode, recipients)
        } catch {
            throw failure(error, file, "can't be given to its readers")
        }
    }

    /// The mode as configured, whatever the process's umask is, and owner and group.
    private func give(_ descriptor: FileDescriptor, _ mode: UInt32, _ recipients: Recipients) throws {
        guard fchmod(descriptor.rawValue, mode) == 0 else { throw Errno(rawValue: errno) }
        guard recipients.owner != nil || recipients.group != nil else { return }
        guard fchown(descriptor.rawValue, recipients.owner ?? uid_t.max, recipients.group ?? gid_t.max) == 0 else {
            throw Errno(rawValue: errno)
        }
    }
}
