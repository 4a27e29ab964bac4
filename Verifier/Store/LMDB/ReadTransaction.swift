import CLMDB

/// A snapshot: it sees what was committed when it began, and blocks nobody. Keep it short, for it keeps old pages alive.
struct ReadTransaction: Transaction, ~Copyable {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        self.handle = handle
    }

    deinit { mdb_txn_abort(handle) }

    /// Ends the snapshot; databases that were first opened in it stay open, which an abort would undo.
    consuming func end() {
        let handle = handle
        discard self
        mdb_txn_commit(handle)
    }
}
