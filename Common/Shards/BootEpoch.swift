/// One boot of a host, as its TPM counts them: the name of the folder that holds the boot's shards.
package struct BootEpoch: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The TPM's resetCount, which a kexec doesn't change (TPMS_CLOCK_INFO; TPM 2.0 Part 2, 10.11.1).
    package let resetCount: UInt32

    /// The boot with a count.
    package init(resetCount: UInt32) {
        self.resetCount = resetCount
    }

    /// Reads a folder's name; nil for any other.
    package init?(folder: some StringProtocol) {
        guard let number = ShardName.number(folder, digits: 10), let count = UInt32(exactly: number) else { return nil }
        self.init(resetCount: count)
    }

    /// The folder's name: the count in ten digits.
    package var folder: String { ShardName.digits(UInt64(resetCount), 10) }

    package var description: String { folder }

    package static func < (left: Self, right: Self) -> Bool { left.resetCount < right.resetCount }
}
