import Bytes

/// What tells a store from any other LMDB file, and its version from others. This layout is for all versions.
struct StoreHeader: Hashable, Sendable {
    private static let magic = Array("assay store\n".utf8)

    /// The schema's version.
    var version: UInt32
    /// Random, so that copies of one store can be told from other stores.
    let storeID: [UInt8]

    /// The header of a new store.
    static func new() -> StoreHeader {
        StoreHeader(version: Schema.version, storeID: (0..<16).map { _ in .random(in: 0...255) })
    }

    private init(version: UInt32, storeID: [UInt8]) {
        self.version = version
        self.storeID = storeID
    }

    /// Reads a header; nil for anything else.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes.span)
        guard (try? reader.array(Self.magic.count)) == Self.magic, let version = try? reader.integer(UInt32.self),
            let storeID = try? reader.array(16)
        else { return nil }
        self.init(version: version, storeID: storeID)
    }

    /// The header as it is stored.
    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.raw(Self.magic)
        writer.integer(version)
        writer.raw(storeID)
        return writer.bytes
    }

    func checkVersion() throws(StoreError) {
        guard version <= Schema.version else {
            throw StoreError(.newerSchema(version), "schema \(version), this Assay knows \(Schema.version)")
        }
        guard version == Schema.version else {
            throw StoreError(.olderSchema(version), "schema \(version), this Assay needs \(Schema.version)")
        }
    }
}
