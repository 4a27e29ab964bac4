import CLMDB

/// A named database of an environment, open for as long as the environment is.
struct Database: Sendable {
    /// Its name, for errors.
    let name: String
    /// LMDB's handle; nil for one that isn't there yet in a store that was opened for reading: it reads as empty.
    let handle: MDB_dbi?

    var exists: Bool { handle != nil }
}
