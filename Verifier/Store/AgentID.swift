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

    /// Checks an id that is to be enrolled: as ``init(_:)-([UInt8])`` does, and that a certificate can carry it and a
    /// command line take it.
    package init(enrolling bytes: [UInt8]) throws(StoreError) {
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) }), bytes.first != UInt8(ascii: "-") else {
            throw StoreError(.invalidArgument, "an agent id has \(Self.rule)", at: .init(agent: bytes))
        }
        try self.init(bytes)
    }

    /// What an id that is to be enrolled may be, in words.
    package static let rule = "1 to \(limit) printable characters of ASCII, no space, and doesn't begin with -"

    /// The id as a word of a command that an operator copies.
    package var shellWord: String { shellQuoted(bytes) }

    /// Whether another id is the same but for the case of its letters.
    func differsInCase(from other: AgentID) -> Bool {
        self != other && bytes.count == other.bytes.count
            && zip(bytes, other.bytes).allSatisfy { Self.lowercased($0) == Self.lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// The id, escaped.
    package var description: String { escaped(bytes) }

    package static func < (left: Self, right: Self) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    /// What every key of this agent begins with, and no other agent's key.
    var key: [UInt8] { bytes + [0] }
}
