import Files
import Glibc
import Synchronization
package import SystemPackage

/// The verifier's memory, as sessions and commands need it: agents, where each stopped, its keyrings, policies, verdicts.
///
/// Reads are synchronous, see one snapshot and block nobody. Writes go through one thread and return when they are
/// durable. The server and command lines may have a store open side by side, each process once.
package final class Store: Sendable {
    /// How a store is opened.
    package enum Mode: Hashable, Sendable {
        /// For reading; the store must exist.
        case readOnly
        /// For reading and writing; the store must exist.
        case existing
        /// For reading and writing; the store is made if the folder is empty or missing.
        case readWrite
    }

    /// Bytes that the store may map: where it starts, and its largest size.
    package struct Size: Hashable, Sendable {
        /// At the start; it doubles when it is full. Address space, not memory and not disk.
        package var initial: Int
        /// It never grows beyond: the operator's limit for the file.
        package var ceiling: Int

        /// Sizes in bytes; by default 1 GiB, and 64 GiB at most.
        package init(initial: Int = 1 << 30, ceiling: Int = 64 << 30) {
            self.initial = initial
            self.ceiling = ceiling
        }
    }

    /// The process that serves this store; nil if none does.
    package var server: Int32? { ServerClaim.holder(of: path) }

    /// Counts of the writer since the store was opened.
    package struct Statistics: Hashable, Sendable {
        /// Operations answered, refused ones too.
        package let operations: Int
        /// Transactions that carried them; at most one fdatasync each.
        package let transactions: Int
        /// How often the map grew.
        package let growths: Int
    }

    /// The store's folder.
    package let path: FilePath
    let environment: Environment
    let schema: Schema
    let writer: Writer

    /// Opens a store.
    ///
    /// - Throws: `foreign` for a folder that holds other files, `newerSchema` and `olderSchema` for another version;
    ///   such a folder is left as it was.
    package init(
        path: FilePath, mode: Mode = .readWrite, size: Size = Size(), history: HistoryBounds = HistoryBounds()
    ) throws(StoreError) {
        self.path = path
        try StoreFolder.prepare(path, creating: mode == .readWrite)
        environment = try Environment(
            path: path, readOnly: mode == .readOnly,
            mapSize: .init(initial: size.initial, ceiling: size.ceiling), maximumDatabases: Schema.maximumDatabases)
        var schema = try Schema.open(in: environment)
        schema.bounds = history
        self.schema = schema
        environment.keepOpen(schema.all)
        let opened = schema
        writer = Writer(environment) { (transaction) throws(StoreError) in try opened.checkVersion(transaction) }
    }

    /// Makes an empty store. As root, it belongs to the owner of the folder that it is in.
    ///
    /// - Throws: `alreadyExists` where there is one; `foreign` for a folder that holds other files.
    package static func create(at path: FilePath) throws(StoreError) {
        guard !exists(path.appending(StoreFolder.dataFile).string) else {
            throw StoreError(.alreadyExists, "there is a store already", at: .init(path: path.string))
        }
        try Store(path: path).close()
    }

    deinit { close() }

    /// Writes what has queued, then closes. What comes later is told `closed`.
    package func close() {
        writer.stop()
        environment.close()
    }

    /// Takes the right to be this store's only server.
    ///
    /// - Throws: `serverRunning`, with the other server's process id.
    package func claimServer() throws(StoreError) -> ServerClaim {
        try ServerClaim(folder: path)
    }

    /// Counts of the writer since the store was opened.
    package var statistics: Statistics {
        let counts = writer.statistics
        return Statistics(
            operations: counts.operations, transactions: counts.transactions, growths: counts.growths)
    }

    /// Why nothing can be written now; nil if the last write succeeded. A store that is full or on a full disk recovers by
    /// itself when there is room.
    package var writeFailure: StoreError? { writer.failure }

    /// Frees what readers hold that died: other processes' old pages would make the file grow.
    ///
    /// - Returns: how many there were.
    @discardableResult
    package func removeStaleReaders() -> Int { environment.removeStaleReaders() }
}

/// The folder that a store lies in.
enum StoreFolder {
    static let dataFile = "data.mdb"
    static let lockFile = "lock.mdb"
    /// A backup that is being restored, and what it took the place of.
    static let restoringFolder = "restoring"
    static let replacedFile = "data.mdb.replaced"
    private static let ownFiles: Set<String> = [
        dataFile, lockFile, restoringFolder, replacedFile, ServerClaim.fileName,
    ]

    /// Makes the folder if it is missing. It is its owner's alone, who is the owner of the folder that it is in.
    static func make(_ path: FilePath) throws(StoreError) {
        do throws(FileError) {
            try makePrivateFolder(at: path.string)
        } catch {
            throw StoreError(error.errno, "mkdir", at: .init(path: path.string))
        }
    }

    /// Makes the folder, if it may; refuses one that holds something else than a store.
    static func prepare(_ path: FilePath, creating: Bool) throws(StoreError) {
        if creating { try make(path) }
        let place = StoreError.Place(path: path.string)
        let names = try contents(of: path)
        guard !names.contains(dataFile) else {
            // LMDB makes a store of an empty file, if it may write.
            guard creating || !isEmpty(path.appending(dataFile)) else {
                throw StoreError(.noStore, "\(dataFile) is empty", at: place)
            }
            return
        }
        guard creating else { throw StoreError(.noStore, "there is no store", at: place) }
        try refuseForeign(path)
    }

    /// Refuses a folder that holds something else than a store's files.
    static func refuseForeign(_ path: FilePath) throws(StoreError) {
        let place = StoreError.Place(path: path.string)
        let names = try contents(of: path)
        if let other = names.subtracting(ownFiles).min() {
            throw StoreError(.foreign, "the folder holds other files, such as \(other), and no store", at: place)
        }
    }

    private static func isEmpty(_ file: FilePath) -> Bool {
        var status = stat()
        return file.withPlatformString { stat($0, &status) } == 0 && status.st_size == 0
    }

    private static func contents(of path: FilePath) throws(StoreError) -> Set<String> {
        guard let folder = path.withPlatformString({ opendir($0) }) else {
            let place = StoreError.Place(path: path.string)
            guard errno != ENOENT else { throw StoreError(.noStore, "there is no such folder", at: place) }
            throw StoreError(errno, "opendir", at: place)
        }
        defer { closedir(folder) }
        var names: Set<String> = []
        while let entry = readdir(folder) {
            // Read through the pointer: the entry may be shorter than the field's declared size.
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { names.insert(name) }
        }
        return names
    }
}
