import Bytes

/// An operator's request to be told what an agent's whole log holds, so that a policy can be made of it.
package struct LearningRequest: Hashable, Sendable {
    /// Requests at once, at most: while an agent's log comes in, the server keeps what it holds in memory.
    package static let maximum = 4

    /// Tells it from all others.
    package let number: UInt64
    /// In seconds since 1970.
    package let requestedAt: Int64
    /// From then on the agent isn't asked any more, in seconds since 1970.
    package let expiresAt: Int64

    /// Whether the agent is asked.
    ///
    /// - Parameter time: seconds since 1970.
    package func isUnderWay(at time: Int64) -> Bool {
        Age.isUnderWay(since: requestedAt, until: expiresAt, at: time)
    }

    /// Whether nobody can wait for its answer any more: a log that was asked for in time may take hours to come.
    ///
    /// - Parameter time: seconds since 1970.
    func isForgotten(at time: Int64) -> Bool { !Age(of: expiresAt, at: time).isWithin(86_400) && !isUnderWay(at: time) }
}

extension LearningRequest: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        number = try reader.integer()
        requestedAt = try reader.time()
        expiresAt = try reader.time()
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(number)
        writer.time(requestedAt)
        writer.time(expiresAt)
    }
}
