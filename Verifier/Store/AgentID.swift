import Bytes

/// An agent's identity, as its certificate names it: 1 to 255 bytes, none of them zero.
///
/// A zero byte ends an id in the store's keys, so that the entries of `web-1` don't mix with those of `web-10`, and a
/// listing comes in the ids' own order.
package struct AgentID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest id, in bytes: a DNS name fits, and a key stays below LMDB's 511 bytes.
    package static let limit = 255

    /// The id's bytes; not necessarily text.
    package let bytes: [UInt8]

    /// Checks an id.
    package init(_ bytes: [UInt8]) throws(StoreError) {
        guard (1...Self.limit).contains(bytes.count), !bytes.contains(0) else {
            throw StoreError(
                .invalidArgument, "an agent id has 1 to \(Self.limit) bytes, none of them zero",
                at: .init(agent: bytes))
        }
        self.bytes = bytes
    }

    /// Checks an id.
    package init(_ text: String) throws(StoreError) {
        try self.init(Array(text.utf8))
    }

    /// The id, escaped.
    package var description: String { escaped(bytes) }

    package static func < (left: Self, right: Self) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    /// What every key of this agent begins with, and no other agent's key.
    var key: [UInt8] { bytes + [0] }
}
