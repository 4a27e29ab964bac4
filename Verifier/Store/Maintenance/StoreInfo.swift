import Glibc
package import SystemPackage

/// What a store is, whichever version it has.
package struct StoreInfo: Sendable {
    /// A named database.
    package struct Contents: Sendable {
        package let name: String
        package let entries: Int
        /// Bytes of the pages that it takes.
        package let bytes: Int
    }

    /// The schema's version.
    package let version: UInt32
    /// The version that this release reads and writes.
    package var currentVersion: UInt32 { Schema.version }
    /// Random, the same in all copies of one store.
    package let storeID: [UInt8]
    /// The file's size in bytes.
    package let fileBytes: Int
    /// Of these, pages in use.
    package let usedBytes: Int
    /// The last committed transaction.
    package let lastTransaction: Int
    /// The databases, by name.
    package let databases: [Contents]
    /// The process of the server that owns the store; nil if none does.
    package let server: Int32?
    /// Readers that had died, whose slots were freed.
    package let staleReaders: Int

    /// Looks at a store, without changing anything in it.
    ///
    /// - Throws: `noStore`; `foreign` for what isn't a store.
    package init(_ path: FilePath) throws(StoreError) {
        try StoreFolder.prepare(path, creating: false)
        let environment = try Environment(
            path: path, readOnly: true, mapSize: .init(), maximumDatabases: Schema.maximumDatabases)
        defer { environment.close() }
        staleReaders = environment.removeStaleReaders()
        let figures = environment.figures
        lastTransaction = figures.lastTransaction
        fileBytes = figures.bytes
        server = ServerClaim.holder(of: path)
        let (header, contents) = try environment.read { (transaction) throws(StoreError) in
            guard let meta = try transaction.open("meta"),
                let header = try transaction.bytes(of: Schema.MetaKey.header, in: meta).flatMap(StoreHeader.init)
            else { throw StoreError(.foreign, "an LMDB file of another program") }
            return (header, try transaction.contents())
        }
        version = header.version
        storeID = header.storeID
        databases = contents
        usedBytes = contents.reduce(0) { $0 + $1.bytes }
    }
}
