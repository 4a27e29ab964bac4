import CLMDB

/// The one write transaction that all processes share: aborted unless committed. It stays on the thread that began it.
struct WriteTransaction: Transaction, ~Copyable {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        self.handle = handle
    }

    deinit { mdb_txn_abort(handle) }

    /// Opens a named database, and makes it if there is none. Only while the environment is set up, by one thread.
    func create(_ name: String) throws(StoreError) -> Database {
        guard let database = try database(name, flags: CUnsignedInt(MDB_CREATE)) else {
            throw StoreError(MDB_NOTFOUND, "mdb_dbi_open", at: .init(database: name))
        }
        return database
    }

    /// Stores a value, in place of the key's former one.
    func put(_ key: [UInt8], _ value: [UInt8], in database: Database) throws(StoreError) {
        let databaseHandle = try writable(database)
        let code = key.withMDBValue { key in
            value.withMDBValue { value in mdb_put(handle, databaseHandle, &key, &value, 0) }
        }
        try check(code, "mdb_put", database)
    }

    /// Removes a key; one that isn't there is removed already.
    func delete(_ key: [UInt8], in database: Database) throws(StoreError) {
        let databaseHandle = try writable(database)
        let code = key.withMDBValue { mdb_del(handle, databaseHandle, &$0, nil) }
        guard code != MDB_NOTFOUND else { return }
        try check(code, "mdb_del", database)
    }

    /// Removes a database with all that is in it; its handle is of no use from here on.
    func drop(_ database: Database) throws(StoreError) {
        guard let databaseHandle = database.handle else { return }
        try check(mdb_drop(handle, databaseHandle, 1), "mdb_drop", database)
    }

    /// A store that is opened for writing has all databases, so this fails only for one opened for reading.
    private func writable(_ database: Database) throws(StoreError) -> MDB_dbi {
        guard let databaseHandle = database.handle else {
            throw StoreError(.readOnly, "the database isn't there yet", at: .init(database: database.name))
        }
        return databaseHandle
    }

    /// Makes what was written durable: it is on the disk when this returns.
    consuming func commit() throws(StoreError) {
        let handle = handle
        discard self  // LMDB frees the handle even if the commit fails: no abort behind this line.
        let code = mdb_txn_commit(handle)
        guard code == MDB_SUCCESS else { throw StoreError(code, "mdb_txn_commit", at: .init()) }
    }
}
