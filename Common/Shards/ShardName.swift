/// A shard's file name: its first record's number in 16 digits and how many records it has in 8, such as
/// `0000000000005260-00005225.shard`. Sorting by name is the order of the log.
package struct ShardName: Hashable, Sendable, Comparable {
    /// The number of the first record in its boot epoch.
    package let first: UInt64
    /// How many records there are; at least one.
    package let count: UInt64

    /// The numbers that have room in a name.
    package static let maximumFirst: UInt64 = 9_999_999_999_999_999
    /// The records that have room in a name.
    package static let maximumCount: UInt64 = 99_999_999

    private static let suffix = ".shard"

    /// Names a run of records.
    package init(first: UInt64, count: UInt64) {
        self.first = first
        self.count = count
    }

    /// Reads a name; nil for any other file's.
    package init?(_ text: some StringProtocol) {
        guard text.hasSuffix(Self.suffix) else { return nil }
        let parts = text.dropLast(Self.suffix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = Self.number(parts[0], digits: 16),
            let count = Self.number(parts[1], digits: 8), count > 0
        else { return nil }
        self.init(first: first, count: count)
    }

    /// The name.
    package var text: String { Self.digits(first, 16) + "-" + Self.digits(count, 8) + Self.suffix }

    /// The name under which it is written, until it is whole.
    var temporary: String { "." + text + ".partial" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.first, left.count) < (right.first, right.count)
    }

    /// A number with zeros before it.
    static func digits(_ number: UInt64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// A number of exactly so many decimal digits.
    static func number(_ text: some StringProtocol, digits: Int) -> UInt64? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt64(text)
    }
}
