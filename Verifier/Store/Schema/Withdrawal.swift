import Bytes

/// That a verdict was found to be stamped later than now: it doesn't stand, and won't once its time has come.
struct Withdrawal: Hashable, Sendable {
    /// The number of the verdict.
    let verdict: UInt64
    /// When that was found, in seconds since 1970: the verdict is older than this.
    let foundAt: Int64
}

extension Withdrawal: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        verdict = try reader.integer()
        foundAt = try reader.time()
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(verdict)
        writer.time(foundAt)
    }
}
