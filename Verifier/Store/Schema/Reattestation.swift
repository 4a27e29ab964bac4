import Bytes

/// An operator's request to have an agent's log appraised again; it stands until a round that began so has met its quote.
package struct Reattestation: Hashable, Sendable {
    /// Tells it from the agent's earlier and later ones.
    package let number: UInt64
    /// The record from which the log is to be appraised again, as the operator said.
    package let firstRecord: UInt64
    /// In seconds since 1970.
    package let requestedAt: Int64
}

extension Reattestation: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        number = try reader.integer()
        firstRecord = try reader.integer()
        requestedAt = try reader.time()
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(number)
        writer.integer(firstRecord)
        writer.time(requestedAt)
    }
}
