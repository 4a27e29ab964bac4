import Glibc
package import SystemPackage

/// Copies of a store, and the way back.
package enum Backup {
    /// Writes a snapshot of a store to a new file, while the server goes on: verdicts up to one moment, nothing half.
    ///
    /// The file is an LMDB data file without free pages. It is written under another name and moved when it is on the disk.
    /// - Throws: `alreadyExists` for a file that is there; `noRoomForFile`.
    package static func write(_ path: FilePath, to file: FilePath) throws(StoreError) {
        try StoreFolder.prepare(path, creating: false)
        let environment = try Environment(
            path: path, readOnly: true, mapSize: .init(), maximumDatabases: Schema.maximumDatabases)
        defer { environment.close() }
        _ = try header(in: environment)
        let place = StoreError.Place(path: file.string)
        try folder(of: file).withOwnersRights { () throws(StoreError) in
            try write(environment, to: file, place)
            try syncFolder(of: file)
        }
    }

    private static func write(
        _ environment: Environment, to file: FilePath, _ place: StoreError.Place
    ) throws(StoreError) {
        let partial = FilePath(file.string + ".partial")
        try system("open", place) { () throws in
            let descriptor = try create(partial)
            defer {
                try? descriptor.close()
                _ = partial.withPlatformString { unlink($0) }
            }
            try environment.copy(to: descriptor)
            guard fsync(descriptor.rawValue) == 0 else { throw StoreError(errno, "fsync", at: place) }
            // A link, not a rename: it refuses a file that is there.
            guard partial.withPlatformString({ from in file.withPlatformString { link(from, $0) } }) == 0 else {
                throw StoreError(errno, "link", at: place)
            }
        }
    }

    /// Always a new file: one that a killed process has left, or somebody has put there, goes.
    private static func create(_ file: FilePath) throws -> FileDescriptor {
        _ = file.withPlatformString { unlink($0) }
        return try FileDescriptor.open(
            file, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
            permissions: [.ownerReadWrite])
    }

    /// Puts a backup in a store's place; the store that was there is kept as `data.mdb.replaced`.
    ///
    /// The backup is copied into the folder and read in full before it takes the place, by one rename.
    /// - Returns: what is restored.
    /// - Throws: `serverRunning`, `busy` while any process has the store open; `notABackup`, `damaged` and `newerSchema` for
    ///   a file that can't be used: then nothing was changed.
    package static func restore(_ path: FilePath, from file: FilePath) throws(StoreError) -> StoreCheck {
        try StoreFolder.make(path)
        let place = StoreError.Place(path: file.string)
        var input: FileDescriptor?
        try system("open", place) { () throws in
            input = try FileDescriptor.open(file, .readOnly, options: [.closeOnExec])
        }
        guard let input else { throw StoreError(EBADF, "open", at: place) }
        defer { try? input.close() }
        return try path.withOwnersRights { () throws(StoreError) in try restore(path, from: input, place) }
    }

    private static func restore(
        _ path: FilePath, from input: FileDescriptor, _ place: StoreError.Place
    ) throws(StoreError) -> StoreCheck {
        try StoreFolder.refuseForeign(path)
        let claim = try ServerClaim(folder: path)
        defer { withExtendedLifetime(claim) {} }
        let folder = path.appending(StoreFolder.restoringFolder)
        let new = folder.appending(StoreFolder.dataFile)
        guard folder.withPlatformString({ mkdir($0, 0o700) }) == 0 || errno == EEXIST else {
            throw StoreError(errno, "mkdir", at: .init(path: folder.string))
        }
        defer {
            for name in [new, folder.appending(StoreFolder.lockFile)] { _ = name.withPlatformString { unlink($0) } }
            _ = folder.withPlatformString { rmdir($0) }
        }
        try copy(input, to: new)
        let check = try examine(folder, named: place)
        try replace(path, by: new)
        return check
    }

    private static func examine(_ folder: FilePath, named place: StoreError.Place) throws(StoreError) -> StoreCheck {
        do throws(StoreError) {
            // LMDB takes an empty file for a new one; the smallest store has two pages of its own.
            var status = stat()
            let file = folder.appending(StoreFolder.dataFile)
            guard file.withPlatformString({ stat($0, &status) }) == 0, status.st_size >= 8192 else {
                throw StoreError(.foreign, "the file is too short to be a store")
            }
            let check = try StoreCheck(folder)
            if let problem = check.problems.first { throw problem }
            return check
        } catch {
            let code = error.code == .foreign ? .notABackup : error.code
            throw StoreError(code, "the backup can't be used: \(error.detail)", at: place)
        }
    }

    /// Takes the place of a store's file while no process has it open.
    private static func replace(_ path: FilePath, by new: FilePath) throws(StoreError) {
        let lock = path.appending(StoreFolder.lockFile)
        let place = StoreError.Place(path: path.string)
        try system("open", place) { () throws in
            let descriptor = try FileDescriptor.open(
                lock, .readWrite, options: [.create, .noFollow, .closeOnExec], permissions: [.ownerReadWrite])
            defer { try? descriptor.close() }
            // Each process that has an environment open holds a lock on the first byte of this file (LMDB, mdb.c,
            // `mdb_env_excl_lock`); the last one to come empties it, so that the next begins with a new table of readers.
            var region = flock()
            region.l_type = Int16(F_WRLCK)
            region.l_whence = Int16(SEEK_SET)
            region.l_start = 0
            region.l_len = 1
            guard fcntl(descriptor.rawValue, F_SETLK, &region) == 0 else {
                throw StoreError(.busy, "another process has the store open", at: place)
            }
            let file = path.appending(StoreFolder.dataFile)
            let replaced = path.appending(StoreFolder.replacedFile)
            _ = replaced.withPlatformString { unlink($0) }
            _ = file.withPlatformString { from in replaced.withPlatformString { link(from, $0) } }
            guard new.withPlatformString({ from in file.withPlatformString { rename(from, $0) } }) == 0 else {
                throw StoreError(errno, "rename", at: place)
            }
            try descriptor.resize(to: 0)
        }
        try syncFolder(of: path.appending(StoreFolder.dataFile))
    }

    private static func copy(_ input: FileDescriptor, to target: FilePath) throws(StoreError) {
        try system("copy", .init(path: target.string)) { () throws in
            let output = try create(target)
            defer { try? output.close() }
            try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 8) { buffer in
                while true {
                    let count = try input.read(into: buffer)
                    guard count > 0 else { break }
                    try output.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
            }
            guard fsync(output.rawValue) == 0 else { throw Errno(rawValue: errno) }
        }
    }

    private static func header(in environment: Environment) throws(StoreError) -> StoreHeader {
        try environment.read { (transaction) throws(StoreError) in
            guard let meta = try transaction.open("meta"),
                let header = try transaction.bytes(of: Schema.MetaKey.header, in: meta).flatMap(StoreHeader.init)
            else { throw StoreError(.foreign, "an LMDB file of another program") }
            return header
        }
    }

    private static func folder(of file: FilePath) -> FilePath {
        let folder = file.removingLastComponent()
        return folder.isEmpty ? FilePath(".") : folder
    }

    /// Makes a rename durable.
    private static func syncFolder(of file: FilePath) throws(StoreError) {
        let path = folder(of: file)
        try system("fsync", .init(path: path.string)) { () throws in
            let descriptor = try FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
            defer { try? descriptor.close() }
            guard fsync(descriptor.rawValue) == 0 else { throw Errno(rawValue: errno) }
        }
    }

    /// Runs calls of the system, whose error numbers become the store's errors.
    private static func system(
        _ call: String, _ place: StoreError.Place, _ body: () throws -> Void
    ) throws(StoreError) {
        let failure: StoreError
        do {
            return try body()
        } catch let error as StoreError {
            failure = error
        } catch {
            failure = StoreError((error as? Errno)?.rawValue ?? EIO, call, at: place)
        }
        // What has no room is the copy, wherever it is made: no verdict is lost, and no agent waits.
        throw failure.code == .diskFull ? StoreError(.noRoomForFile, failure.detail, at: place) : failure
    }
}
