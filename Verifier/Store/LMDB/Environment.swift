import CLMDB
import Glibc
import SystemPackage

/// An LMDB environment: one folder, one map, open once in this process and beside others in theirs.
///
/// `@unchecked Sendable`: LMDB's handle is made for many threads; `handle` and `folder` change only while the gate is
/// held alone, and are read only inside the gate.
final class Environment: @unchecked Sendable {
    /// How large the map may be.
    struct MapSize: Hashable, Sendable {
        /// Bytes at the start. The map is address space: neither memory nor disk until it is used.
        var initial = 1 << 30
        /// Bytes that it never grows beyond.
        var ceiling = 64 << 30
    }

    /// Slots for read transactions, of all processes together; 64 bytes each in the lock file.
    private static let maximumReaders: CUnsignedInt = 1024

    /// The folder.
    let path: FilePath
    let isReadOnly: Bool
    private let mapSize: MapSize
    private let maximumDatabases: Int
    private var folder: OpenFolder?
    private let gate = TransactionGate()
    /// Nil when it was closed, or could not be opened again after a panic.
    private var handle: OpaquePointer?
    private var isClosed = false
    /// Counts how often the environment was opened.
    private var incarnation = 0
    /// Databases that are in use, to be opened again with the environment.
    private var databases: [Database] = []

    /// Opens a folder that exists; without `readOnly` the files in it are made where they are missing.
    init(path: FilePath, readOnly: Bool, mapSize: MapSize, maximumDatabases: Int) throws(StoreError) {
        self.path = path
        isReadOnly = readOnly
        self.mapSize = mapSize
        self.maximumDatabases = maximumDatabases
        folder = try OpenFolder(path)
        handle = try open(size: mapSize.initial)
    }

    deinit { close() }

    /// Makes a handle and opens LMDB's files.
    private func open(size: Int) throws(StoreError) -> OpaquePointer {
        try path.withOwnersRights { () throws(StoreError) in try openFiles(size: size) }
    }

    private func openFiles(size: Int) throws(StoreError) -> OpaquePointer {
        let place = StoreError.Place(path: path.string)
        try LockFile.reserve(in: path, readers: Self.maximumReaders)
        var handle: OpaquePointer?
        guard mdb_env_create(&handle) == MDB_SUCCESS, let handle else {
            throw StoreError(ENOMEM, "mdb_env_create", at: place)
        }
        mdb_env_set_maxdbs(handle, MDB_dbi(maximumDatabases))
        mdb_env_set_maxreaders(handle, Self.maximumReaders)
        mdb_env_set_mapsize(handle, min(size, mapSize.ceiling))
        let code = Self.open(handle, path, readOnly: isReadOnly)
        guard code == MDB_SUCCESS else {
            mdb_env_close(handle)  // LMDB wants this after a failed open, too.
            throw StoreError(code, "mdb_env_open", at: place)
        }
        guard Self.fileHoldsItsPages(handle) else {
            mdb_env_close(handle)
            throw StoreError(.damaged, "the file is shorter than the pages that it says to have", at: place)
        }
        mdb_reader_check(handle, nil)
        incarnation += 1
        return handle
    }

    /// A file that was cut short would end the process with a signal where it is read.
    private static func fileHoldsItsPages(_ handle: OpaquePointer) -> Bool {
        guard let file = DataFile(handle) else { return false }
        for _ in 0..<10 {
            var transaction: OpaquePointer?
            guard mdb_txn_begin(handle, nil, CUnsignedInt(MDB_RDONLY), &transaction) == MDB_SUCCESS, let transaction
            else { return true }  // Whoever reads next is told why.
            let snapshot = ReadTransaction(transaction)
            if file.isWhole(for: transaction) { return true }
            // Another process may have committed twice meanwhile, which takes the snapshot's page of figures.
            _ = consume snapshot
        }
        return false
    }

    /// Opens LMDB's files. The lock can be taken for a moment by a process that opens or closes at the same time.
    private static func open(_ handle: OpaquePointer, _ path: FilePath, readOnly: Bool) -> CInt {
        let flags = CUnsignedInt(MDB_NOTLS) | (readOnly ? CUnsignedInt(MDB_RDONLY) : 0)
        for _ in 0..<100 {
            let code = path.withPlatformString { mdb_env_open(handle, $0, flags, 0o600) }
            guard code == EAGAIN else { return code }
            usleep(5000)
        }
        return EAGAIN
    }

    /// Waits until the open transactions have ended, then closes. Whoever comes later is told `closed`.
    func close() {
        gate.enterAlone {
            if let handle { mdb_env_close(handle) }
            handle = nil
            folder = nil
            isClosed = true
        }
    }

    /// Bytes that the map never grows beyond.
    var ceiling: Int { mapSize.ceiling }

    /// Bytes that are left on the disk for whoever runs this process; nil if the system doesn't say.
    var diskSpace: Int? {
        var status = statvfs()
        guard path.withPlatformString({ statvfs($0, &status) }) == 0 else { return nil }
        return Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
    }

    /// Bytes of address space that the map takes now.
    var currentMapSize: Int {
        gate.enter { handle.map { Self.info($0).me_mapsize } ?? 0 }
    }

    private static func info(_ handle: OpaquePointer) -> MDB_envinfo {
        var info = MDB_envinfo()
        mdb_env_info(handle, &info)
        return info
    }

    /// Remembers which databases are in use: their handles must be the same after the environment was opened again.
    func keepOpen(_ databases: [Database]) {
        gate.enterAlone { self.databases = databases }
    }
}

// What only maintenance asks for.
extension Environment {
    /// LMDB's own figures.
    struct Figures {
        /// The last committed transaction.
        var lastTransaction: Int
        /// Bytes up to the last page in use or free.
        var bytes: Int
        /// Slots of read transactions that were ever used at once.
        var readers: Int
    }

    var figures: Figures {
        gate.enter {
            guard let handle else { return Figures(lastTransaction: 0, bytes: 0, readers: 0) }
            let info = Self.info(handle)
            var statistics = MDB_stat()
            mdb_env_stat(handle, &statistics)
            return Figures(
                lastTransaction: info.me_last_txnid, bytes: (info.me_last_pgno + 1) * Int(statistics.ms_psize),
                readers: Int(info.me_numreaders))
        }
    }

    /// Frees the slots of readers whose process died: each keeps old pages alive, so that the file grows.
    ///
    /// - Returns: how many there were.
    @discardableResult
    func removeStaleReaders() -> Int {
        gate.enter {
            var count: CInt = 0
            if let handle { mdb_reader_check(handle, &count) }
            return Int(count)
        }
    }

    /// Writes a snapshot without free pages to a file, while others read and write.
    func copy(to descriptor: FileDescriptor) throws(StoreError) {
        try gate.enter { () throws(StoreError) in
            guard let handle else { throw StoreError(.closed, "the store was closed") }
            let code = mdb_env_copyfd2(handle, descriptor.rawValue, CUnsignedInt(MDB_CP_COMPACT))
            guard code == MDB_SUCCESS else { throw StoreError(code, "mdb_env_copyfd2", at: .init()) }
        }
    }
}

extension Environment {
    /// Runs `body` in a snapshot. It must not begin another transaction on this thread.
    func read<Result>(
        _ body: (borrowing ReadTransaction) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try transact(CUnsignedInt(MDB_RDONLY)) { (handle) throws(StoreError) in
            let transaction = ReadTransaction(handle)
            let result = try body(transaction)
            transaction.end()
            return result
        }
    }

    /// Runs `body` in the write transaction and commits, durably; a throw leaves the store as it was.
    ///
    /// Waits while another thread or process writes.
    func write<Result>(
        _ body: (borrowing WriteTransaction) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        guard !isReadOnly else { throw StoreError(.readOnly, "opened for reading", at: .init(path: path.string)) }
        do throws(StoreError) {
            return try transact(0) { (handle) throws(StoreError) in
                let transaction = WriteTransaction(handle)
                let result = try body(transaction)
                try transaction.commit()
                return result
            }
        } catch {
            guard error.code == .failed, isDiskFull else { throw error }
            // LMDB calls a write that was cut short an input/output error.
            throw StoreError(.diskFull, error.detail, at: error.place)
        }
    }

    /// Whether the file system has less room than one page.
    private var isDiskFull: Bool { diskSpace ?? .max < 4096 }

    /// Doubles the map, up to the ceiling. Waits until the open transactions of this process have ended.
    func grow() throws(StoreError) {
        // Asked first, so that writes that find no room don't hold the readers up.
        guard currentMapSize < ceiling else { throw fullError }
        try resize { (size) throws(StoreError) in
            let ceiling = mapSize.ceiling
            guard size < ceiling else {
                throw fullError
            }
            return size > ceiling / 2 ? ceiling : size * 2
        }
    }

    private var fullError: StoreError {
        StoreError(.mapFull, "the map has its largest size, \(ceiling) bytes")
    }

    private func transact<Result>(
        _ flags: CUnsignedInt, _ body: (OpaquePointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        do throws(StoreError) {
            while true {
                var obstacle = Beginning.resized
                let result: Result? = try gate.enter { () throws(StoreError) in
                    obstacle = try begin(flags)
                    guard case .begun(let transaction) = obstacle else { return nil }
                    return try body(transaction)
                }
                if let result { return result }
                switch obstacle {
                case .begun: continue
                case .resized: try resize { _ in 0 }  // 0 adopts the size that the other process gave it.
                case .panicked(let incarnation): try reopen(after: incarnation)
                }
            }
        } catch {
            throw error.at(path: path.string)
        }
    }

    private enum Beginning {
        case begun(OpaquePointer)
        /// Another process has grown the map beyond ours.
        case resized
        /// A write of LMDB's meta page failed: this handle takes no transaction any more.
        case panicked(incarnation: Int)
    }

    private func begin(_ flags: CUnsignedInt) throws(StoreError) -> Beginning {
        guard let handle else {
            guard isClosed else { return .panicked(incarnation: incarnation) }
            throw StoreError(.closed, "the store was closed")
        }
        var transaction: OpaquePointer?
        var code = mdb_txn_begin(handle, nil, flags, &transaction)
        if code == MDB_READERS_FULL {
            mdb_reader_check(handle, nil)  // Frees the slots of processes that died.
            code = mdb_txn_begin(handle, nil, flags, &transaction)
        }
        guard code != MDB_MAP_RESIZED else { return .resized }
        guard code != MDB_PANIC else { return .panicked(incarnation: incarnation) }
        guard code == MDB_SUCCESS, let transaction else { throw StoreError(code, "mdb_txn_begin", at: .init()) }
        return .begun(transaction)
    }

    /// Opens the environment again, unless another thread has done it: the store is what the last commit made it.
    private func reopen(after incarnation: Int) throws(StoreError) {
        try gate.enterAlone { () throws(StoreError) in
            guard self.incarnation == incarnation else { return }
            guard !isClosed else { throw StoreError(.closed, "the store was closed") }
            if let handle { mdb_env_close(handle) }
            handle = nil
            let new = try open(size: mapSize.initial)  // At least: LMDB takes the larger size that the file tells.
            guard try Self.reopen(databases, in: new) else {
                mdb_env_close(new)
                throw StoreError(.failed, "the databases could not be opened again")
            }
            handle = new
        }
    }

    /// Opens databases under the handles that they had: LMDB gives them out in ascending order.
    private static func reopen(_ databases: [Database], in handle: OpaquePointer) throws(StoreError) -> Bool {
        var begun: OpaquePointer?
        let code = mdb_txn_begin(handle, nil, CUnsignedInt(MDB_RDONLY), &begun)
        guard code == MDB_SUCCESS, let begun else { throw StoreError(code, "mdb_txn_begin", at: .init()) }
        let transaction = ReadTransaction(begun)
        for database in databases.sorted(by: { $0.handle ?? 0 < $1.handle ?? 0 }) where database.exists {
            guard try transaction.open(database.name)?.handle == database.handle else { return false }
        }
        transaction.end()
        return true
    }

    private func resize(_ newSize: (_ size: Int) throws(StoreError) -> Int) throws(StoreError) {
        try gate.enterAlone { () throws(StoreError) in
            guard let handle else { throw StoreError(.closed, "the store was closed") }
            let code = mdb_env_set_mapsize(handle, try newSize(Self.info(handle).me_mapsize))
            guard code == MDB_SUCCESS else { throw StoreError(code, "mdb_env_set_mapsize", at: .init()) }
        }
    }
}
