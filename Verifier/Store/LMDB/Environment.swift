import CLMDB
import Glibc
import Synchronization
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
    private let ceiling: Int
    private var folder: OpenFolder?
    private let gate = TransactionGate()
    private var handle: OpaquePointer?

    /// Opens a folder that exists; without `readOnly` the files in it are made where they are missing.
    init(path: FilePath, readOnly: Bool, mapSize: MapSize, maximumDatabases: Int) throws(StoreError) {
        self.path = path
        isReadOnly = readOnly
        ceiling = mapSize.ceiling
        folder = try OpenFolder(path)
        let place = StoreError.Place(path: path.string)
        var handle: OpaquePointer?
        guard mdb_env_create(&handle) == MDB_SUCCESS, let handle else {
            throw StoreError(ENOMEM, "mdb_env_create", at: place)
        }
        mdb_env_set_maxdbs(handle, MDB_dbi(maximumDatabases))
        mdb_env_set_maxreaders(handle, Self.maximumReaders)
        mdb_env_set_mapsize(handle, min(mapSize.initial, mapSize.ceiling))
        let code = Self.open(handle, path, readOnly: readOnly)
        guard code == MDB_SUCCESS else {
            mdb_env_close(handle)  // LMDB wants this after a failed open, too.
            throw StoreError(code, "mdb_env_open", at: place)
        }
        mdb_reader_check(handle, nil)
        self.handle = handle
    }

    deinit { close() }

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
        }
    }

    /// Bytes of address space that the map takes now.
    var mapSize: Int {
        gate.enter { handle.map(Self.mapSize) ?? 0 }
    }

    private static func mapSize(of handle: OpaquePointer) -> Int {
        var info = MDB_envinfo()
        mdb_env_info(handle, &info)
        return info.me_mapsize
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
        return try transact(0) { (handle) throws(StoreError) in
            let transaction = WriteTransaction(handle)
            let result = try body(transaction)
            try transaction.commit()
            return result
        }
    }

    /// Doubles the map, up to the ceiling. Waits until the open transactions of this process have ended.
    func grow() throws(StoreError) {
        try resize { (size) throws(StoreError) in
            guard size < ceiling else {
                throw StoreError(.mapFull, "the map has its largest size, \(ceiling) bytes")
            }
            return size > ceiling / 2 ? ceiling : size * 2
        }
    }

    private func transact<Result>(
        _ flags: CUnsignedInt, _ body: (OpaquePointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        do throws(StoreError) {
            while true {
                let result: Result? = try gate.enter { () throws(StoreError) in
                    guard let transaction = try begin(flags) else { return nil }
                    return try body(transaction)
                }
                if let result { return result }
                try resize { _ in 0 }  // 0 adopts the size that the other process gave it.
            }
        } catch {
            throw error.at(path: path.string)
        }
    }

    /// Begins a transaction; nil if another process has grown the map beyond ours.
    private func begin(_ flags: CUnsignedInt) throws(StoreError) -> OpaquePointer? {
        guard let handle else { throw StoreError(.closed, "the store was closed") }
        var transaction: OpaquePointer?
        var code = mdb_txn_begin(handle, nil, flags, &transaction)
        if code == MDB_READERS_FULL {
            mdb_reader_check(handle, nil)  // Frees the slots of processes that died.
            code = mdb_txn_begin(handle, nil, flags, &transaction)
        }
        guard code != MDB_MAP_RESIZED else { return nil }
        guard code == MDB_SUCCESS, let transaction else { throw StoreError(code, "mdb_txn_begin", at: .init()) }
        return transaction
    }

    private func resize(_ newSize: (_ size: Int) throws(StoreError) -> Int) throws(StoreError) {
        try gate.enterAlone { () throws(StoreError) in
            guard let handle else { throw StoreError(.closed, "the store was closed") }
            let code = mdb_env_set_mapsize(handle, try newSize(Self.mapSize(of: handle)))
            guard code == MDB_SUCCESS else { throw StoreError(code, "mdb_env_set_mapsize", at: .init()) }
        }
    }
}

/// Holds a folder's place in the list of those that this process has open: a second open would, when closed, drop the
/// first one's file locks.
private final class OpenFolder: Sendable {
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
