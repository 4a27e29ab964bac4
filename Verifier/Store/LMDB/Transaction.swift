import Bytes
import CLMDB

/// What both kinds of transaction can do: look a key up, and walk the keys that begin alike.
///
/// Values lie in the map and are valid only until the transaction ends, or writes. They are therefore only lent, as a
/// span, to a closure.
protocol Transaction: ~Copyable {
    /// LMDB's transaction.
    var handle: OpaquePointer { get }
}

extension Transaction where Self: ~Copyable {
    /// Lends the value of a key.
    ///
    /// - Returns: what `read` returned; nil if there is no such key.
    func value<Result>(
        of key: [UInt8], in database: Database, _ read: (Span<UInt8>) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        guard let databaseHandle = database.handle else { return nil }
        var value = MDB_val()
        let code = key.withMDBValue { mdb_get(handle, databaseHandle, &$0, &value) }
        guard code != MDB_NOTFOUND else { return nil }
        try check(code, "mdb_get", database)
        return try read(value.span)
    }

    /// Copies the value of a key.
    func bytes(of key: [UInt8], in database: Database) throws(StoreError) -> [UInt8]? {
        try value(of: key, in: database) { (value) throws(StoreError) in [UInt8](copying: value) }
    }

    /// Lends every entry whose key begins with `prefix`, ascending by key, until `visit` returns false.
    ///
    /// - Parameter start: the first key wanted; nil for the first of the prefix.
    func scan(
        _ database: Database, prefix: [UInt8], from start: [UInt8]? = nil,
        _ visit: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(StoreError) -> Bool
    ) throws(StoreError) {
        guard let databaseHandle = database.handle else { return }
        let cursor = try Cursor(handle, databaseHandle, of: database)
        let first = start ?? prefix
        var key = MDB_val()
        var value = MDB_val()
        // An empty key is not a key to LMDB: begin at the first one there is.
        var code =
            first.isEmpty
            ? mdb_cursor_get(cursor.handle, &key, &value, MDB_FIRST)
            : first.withMDBValue { wanted in
                key = wanted
                return mdb_cursor_get(cursor.handle, &key, &value, MDB_SET_RANGE)
            }
        while code == MDB_SUCCESS, key.span.starts(with: prefix), try visit(key.span, value.span) {
            code = mdb_cursor_get(cursor.handle, &key, &value, MDB_NEXT)
        }
        guard code != MDB_NOTFOUND else { return }
        try check(code, "mdb_cursor_get", database)
    }

    /// Opens a named database; nil if there is none. Only while the environment is set up, by one thread.
    func open(_ name: String) throws(StoreError) -> Database? {
        try database(name, flags: 0)
    }

    /// Whether the environment has no database and no key at all.
    func isEmpty() throws(StoreError) -> Bool {
        guard let main = try database(nil, flags: 0) else { return true }
        var isEmpty = true
        try scan(main, prefix: []) { (_, _) throws(StoreError) in
            isEmpty = false
            return false
        }
        return isEmpty
    }

    /// Entries of a database.
    func count(of database: Database) throws(StoreError) -> Int { try statistics(of: database).ms_entries }

    /// Bytes of the pages that a database takes.
    func size(of database: Database) throws(StoreError) -> Int { Self.size(try statistics(of: database)) }

    private func statistics(of database: Database) throws(StoreError) -> MDB_stat {
        var statistics = MDB_stat()
        guard let databaseHandle = database.handle else { return statistics }
        try check(mdb_stat(handle, databaseHandle, &statistics), "mdb_stat", database)
        return statistics
    }

    private static func size(_ statistics: MDB_stat) -> Int {
        (statistics.ms_branch_pages + statistics.ms_leaf_pages + statistics.ms_overflow_pages)
            * Int(statistics.ms_psize)
    }

    /// What each named database holds, by name; also those that another release made.
    func contents() throws(StoreError) -> [StoreInfo.Contents] {
        guard let main = try database(nil, flags: 0) else { return [] }
        var names: [String] = []
        try scan(main, prefix: []) { (name, _) throws(StoreError) in
            names.append(String(decoding: [UInt8](copying: name), as: UTF8.self))
            return true
        }
        var contents: [StoreInfo.Contents] = []
        for name in names {
            guard let database = try open(name) else { continue }
            let statistics = try statistics(of: database)
            contents.append(.init(name: name, entries: statistics.ms_entries, bytes: Self.size(statistics)))
        }
        return contents
    }

    /// - Parameter name: nil for the unnamed database, which holds the named ones.
    func database(_ name: String?, flags: CUnsignedInt) throws(StoreError) -> Database? {
        var database = MDB_dbi()
        let code = mdb_dbi_open(handle, name, flags, &database)
        switch code {
        case MDB_SUCCESS: return Database(name: name ?? "", handle: database)
        case MDB_NOTFOUND: return nil
        case MDB_INCOMPATIBLE: throw StoreError(.foreign, "an LMDB file of another program")
        default: throw StoreError(code, "mdb_dbi_open", at: .init(database: name))
        }
    }

    func check(_ code: CInt, _ call: String, _ database: Database) throws(StoreError) {
        guard code == MDB_SUCCESS else { throw StoreError(code, call, at: .init(database: database.name)) }
    }
}

/// Closes the cursor it owns, before its transaction can end.
private struct Cursor: ~Copyable {
    let handle: OpaquePointer

    init(_ transaction: OpaquePointer, _ databaseHandle: MDB_dbi, of database: Database) throws(StoreError) {
        var cursor: OpaquePointer?
        let code = mdb_cursor_open(transaction, databaseHandle, &cursor)
        guard code == MDB_SUCCESS, let cursor else {
            throw StoreError(code, "mdb_cursor_open", at: .init(database: database.name))
        }
        handle = cursor
    }

    deinit { mdb_cursor_close(handle) }
}

extension MDB_val {
    /// The bytes in the map. Whoever takes it must not keep it beyond the transaction, nor over a write.
    var span: Span<UInt8> {
        @_lifetime(borrow self) get {
            let bytes = UnsafeBufferPointer(start: mv_data?.assumingMemoryBound(to: UInt8.self), count: mv_size)
            return _overrideLifetime(Span(_unsafeElements: bytes), borrowing: self)
        }
    }
}

extension [UInt8] {
    /// Lends the bytes as LMDB takes keys and values; it doesn't write to them.
    func withMDBValue(_ body: (inout MDB_val) -> CInt) -> CInt {
        withUnsafeBytes { bytes in
            var value = MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            return body(&value)
        }
    }
}

extension Span<UInt8> {
    func starts(with prefix: [UInt8]) -> Bool {
        count >= prefix.count && prefix.indices.allSatisfy { self[$0] == prefix[$0] }
    }
}
