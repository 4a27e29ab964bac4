import CLMDB

/// A named database of an environment, open for as long as the environment is.
struct Database: Sendable {
    /// Its name, for errors.
    let name: String
    let handle: MDB_dbi
}
