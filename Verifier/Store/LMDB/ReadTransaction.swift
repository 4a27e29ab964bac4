import CLMDB

/// A snapshot: it sees what was committed when it began, and blocks nobody. Keep it short, for it keeps old pages alive.
struct ReadTransaction: Transaction, ~Copyable {
    let handle: OpaquePointer

    /// - Parameter begin: begins LMDB's transaction, or says why it can't.
    init(_ handle: OpaquePointer) {
        self.handle = handle
    }

    deinit { mdb_txn_abort(handle) }
}
