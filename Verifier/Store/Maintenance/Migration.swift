import Bytes
import Glibc
package import SystemPackage

/// Moves a store from one version of the schema to another, in one transaction: interrupted, it is what it was.
///
/// Version 1 has no keyrings. What else it doesn't know (history, events, denied keys) stays in the file, unseen by it, and is
/// there again after an upgrade. Both ways the learned keys are gone and every position is record 0: version 1 could not
/// go on with signatures that it can't check, and version 2 must see the records that brought the keys.
package enum Migration {
    /// What was done.
    package struct Result: Hashable, Sendable {
        /// The version before.
        package let from: UInt32
        /// The version now.
        package let to: UInt32
        /// Agents whose log is appraised from record 0 now.
        package let restarted: Int
    }

    /// The versions that this release can move a store to.
    package static let versions: ClosedRange<UInt32> = 1...Schema.version

    /// Moves a store.
    ///
    /// - Throws: `serverRunning` if a server owns the store; `newerSchema`, `foreign`; `invalidArgument` for a version that
    ///   this release doesn't know.
    package static func run(
        _ path: FilePath, to version: UInt32, size: Store.Size = Store.Size()
    ) throws(StoreError) -> Result {
        guard versions.contains(version) else {
            throw StoreError(
                .invalidArgument,
                "there is no schema \(version): this Assay knows \(versions.lowerBound) to \(versions.upperBound)")
        }
        try StoreFolder.prepare(path, creating: false)
        let claim = try ServerClaim(folder: path)
        defer { withExtendedLifetime(claim) {} }
        let environment = try Environment(
            path: path, readOnly: false, mapSize: .init(initial: size.initial, ceiling: size.ceiling),
            maximumDatabases: Schema.maximumDatabases)
        defer { environment.close() }
        while true {
            do throws(StoreError) {
                return try environment.write { (transaction) throws(StoreError) in
                    try move(to: version, transaction)
                }
            } catch {
                guard error.code == .mapFull else { throw error }
            }
            try environment.grow()
        }
    }

    private static func move(
        to version: UInt32, _ transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Result {
        guard let meta = try transaction.open("meta"),
            var header = try transaction.bytes(of: Schema.MetaKey.header, in: meta).flatMap(StoreHeader.init)
        else { throw StoreError(.foreign, "an LMDB file of another program") }
        let from = header.version
        guard versions.contains(from) else {
            throw StoreError(.newerSchema(from), "schema \(from), this Assay knows \(Schema.version)")
        }
        guard from != version else { return Result(from: from, to: version, restarted: 0) }
        let restarted = try restart(inVersion: version, transaction)
        for name in ["keyrings", "key-history", "scratch", "reattestations", "positions"] {
            if let database = try transaction.open(name) { try transaction.drop(database) }
        }
        header.version = version
        try transaction.put(Schema.MetaKey.header, header.bytes, in: meta)
        if version == Schema.version {
            let schema = try Schema(creating: transaction)
            var changes = Changes()
            try schema.record(
                [.schemaChanged(from: from, to: version)], of: nil, at: currentTime(), transaction, &changes)
            try changes.apply(to: transaction)
        }
        return Result(from: from, to: version, restarted: restarted)
    }

    /// Sets every agent's position to record 0. The epoch's clock stays: it must not go back. A state that can't be read is
    /// dropped, which is a beginning at record 0, too.
    private static func restart(
        inVersion version: UInt32, _ transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Int {
        guard let states = try transaction.open("states"), let findings = try transaction.open("findings") else {
            throw StoreError(.damaged, "a database is missing", at: .init(database: "states"))
        }
        var entries: [(key: [UInt8], state: AttestationState?)] = []
        try transaction.scan(states, prefix: []) { (key, value) throws(StoreError) in
            entries.append(([UInt8](copying: key), try? AttestationState(stored: value, at: .init())))
            return true
        }
        for (key, state) in entries {
            if let state {
                try transaction.put(key, state.restarted.stored(inVersion: version), in: states)
            } else {
                try transaction.delete(key, in: states)
            }
            var writer = ByteWriter()
            writer.raw(key)
            writer.integer(Schema.carriedFindings)
            try transaction.delete(writer.bytes, in: findings)
        }
        return entries.count
    }
}

extension AttestationState {
    /// The same epoch, with nothing appraised of it.
    fileprivate var restarted: AttestationState {
        var state = self
        state.nextRecord = 0
        state.recordsReceived = 0
        state.fileRecords = 0
        state.lanes = []
        state.unusableKeys = []
        state.keyCount = 0
        state.logBytes = 0
        return state
    }

    /// As a version of the schema has it: version 1 doesn't know the count of keys.
    fileprivate func stored(inVersion version: UInt32) -> [UInt8] {
        guard version == 1 else { return stored }
        var writer = ByteWriter()
        writer.u8(1)
        write(to: &writer, layout: 1)
        return writer.bytes
    }
}
