internal import CPrefetch

/// A hash table of names and their digests, looked up in place in a compiled policy's bytes.
///
/// Open addressing over a power of two of slots, at most half full. A slot is 8 bytes: 32 bits of the name's hash, and
/// the offset of its record, 0 for an empty slot. A record is the name's length (4 bytes), the count of its digests (4),
/// the name, and each digest behind one byte of length. All numbers are little endian; all offsets count from the
/// blob's first byte, so that the blob can lie anywhere. A lookup touches one slot and one record as a rule: two
/// cache lines, no allocation. Every offset is checked against the blob as it is followed.
struct DigestTable: Hashable, Sendable {
    /// What a table says of a name and a digest.
    enum Listing: Hashable, Sendable {
        /// The name isn't listed.
        case unlisted
        /// The name is listed, this digest isn't.
        case otherDigest
        /// Both are.
        case allowed
    }

    static let slotSize = 8
    static let recordHeaderSize = 8

    /// Where the slots begin.
    let slots: Int
    /// How many slots there are: a power of two, or 0 for an empty table.
    let slotCount: Int
    /// Mixed into each hash, different for each policy, so that names can't be made to collide beforehand.
    let seed: UInt64

    /// Looks a name and a digest up.
    func listing(_ name: Span<UInt8>, _ digest: Span<UInt8>, in blob: borrowing [UInt8]) -> Listing {
        blob.withUnsafeBytes { blob in
            name.withUnsafeBytes { name in
                guard var at = record(name, blob) else { return .unlisted }
                return digest.withUnsafeBytes { digest in
                    var left = Self.number(blob, at + 4)
                    at += Self.recordHeaderSize + name.count
                    while left > 0, at < blob.count {
                        let size = Int(blob[at])
                        guard size <= blob.count - at - 1 else { return .otherDigest }
                        if size == digest.count, Self.equal(blob, at + 1, digest) { return .allowed }
                        at += 1 + size
                        left -= 1
                    }
                    return .otherDigest
                }
            }
        }
    }

    /// Has the processor fetch the slot of a name that is soon looked up, so that other work can hide the wait.
    ///
    /// - Returns: the name's hash, for ``fetchRecord(_:in:)``.
    func fetchSlot(_ name: Span<UInt8>, in blob: borrowing [UInt8]) -> UInt64 {
        let hash = name.withUnsafeBytes { Self.hash($0, seed: seed) }
        guard slotCount > 0 else { return hash }
        blob.withUnsafeBytes { blob in
            let at = slots + (Int(truncatingIfNeeded: hash) & (slotCount - 1)) * Self.slotSize
            if at < blob.count, let start = blob.baseAddress { assay_prefetch(start + at) }
        }
        return hash
    }

    /// Has the processor fetch the record that the slot leads to: header, name, and a digest.
    func fetchRecord(_ hash: UInt64, in blob: borrowing [UInt8]) {
        guard slotCount > 0, slots <= blob.count - slotCount * Self.slotSize else { return }
        blob.withUnsafeBytes { blob in
            let at = slots + (Int(truncatingIfNeeded: hash) & (slotCount - 1)) * Self.slotSize
            let offset = Self.number(blob, at + 4)
            guard offset <= blob.count, let start = blob.baseAddress else { return }
            for line in 0..<3 { assay_prefetch(start + offset + line * 64) }
        }
    }

    /// The lengths that a name's digests have, for a message.
    func sizes(of name: Span<UInt8>, in blob: borrowing [UInt8]) -> Set<Int> {
        blob.withUnsafeBytes { blob in
            name.withUnsafeBytes { name in
                guard var at = record(name, blob) else { return [] }
                var left = Self.number(blob, at + 4)
                at += Self.recordHeaderSize + name.count
                var sizes: Set<Int> = []
                while left > 0, at < blob.count {
                    sizes.insert(Int(blob[at]))
                    at += 1 + Int(blob[at])
                    left -= 1
                }
                return sizes
            }
        }
    }

    /// Whether a name is listed, whatever its digests.
    func contains(_ name: Span<UInt8>, in blob: borrowing [UInt8]) -> Bool {
        blob.withUnsafeBytes { blob in name.withUnsafeBytes { record($0, blob) != nil } }
    }

    /// The digests of a name, copied, for a message.
    ///
    /// - Parameter limit: how many at most.
    func digests(of name: Span<UInt8>, limit: Int, in blob: borrowing [UInt8]) -> [[UInt8]] {
        blob.withUnsafeBytes { blob in
            name.withUnsafeBytes { name in
                guard var at = record(name, blob) else { return [] }
                var left = min(Self.number(blob, at + 4), limit)
                at += Self.recordHeaderSize + name.count
                var result: [[UInt8]] = []
                while left > 0, at < blob.count, Int(blob[at]) <= blob.count - at - 1 {
                    result.append(Array(blob[(at + 1)..<(at + 1 + Int(blob[at]))]))
                    at += 1 + Int(blob[at])
                    left -= 1
                }
                return result
            }
        }
    }

    /// The offset of a name's record, of which header and name lie within the blob.
    @inline(__always)
    private func record(_ name: UnsafeRawBufferPointer, _ blob: UnsafeRawBufferPointer) -> Int? {
        guard slotCount > 0, slots <= blob.count - slotCount * Self.slotSize else { return nil }
        let hash = Self.hash(name, seed: seed)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        var slot = Int(truncatingIfNeeded: hash) & (slotCount - 1)
        for _ in 0..<slotCount {
            let at = slots + slot * Self.slotSize
            let offset = Self.number(blob, at + 4)
            if offset == 0 { return nil }
            if UInt32(truncatingIfNeeded: Self.number(blob, at)) == tag,
                offset <= blob.count - Self.recordHeaderSize - name.count,
                Self.number(blob, offset) == name.count, Self.equal(blob, offset + Self.recordHeaderSize, name)
            {
                return offset
            }
            slot = (slot + 1) & (slotCount - 1)
        }
        return nil
    }

    /// Reads a 32-bit number; the caller has checked that it lies within the blob.
    @inline(__always)
    private static func number(_ blob: UnsafeRawBufferPointer, _ at: Int) -> Int {
        Int(UInt32(littleEndian: blob.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
    }

    @inline(__always)
    private static func equal(_ blob: UnsafeRawBufferPointer, _ at: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while bytes.count - index >= 8 {
            let left = blob.loadUnaligned(fromByteOffset: at + index, as: UInt64.self)
            guard left == bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
            index += 8
        }
        while index < bytes.count {
            guard blob[at + index] == bytes[index] else { return false }
            index += 1
        }
        return true
    }

    /// A hash of a name, eight bytes a step: multiply and fold, with a last mix so that every bit reaches the low ones.
    @inline(__always)
    static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        var hash = seed ^ UInt64(truncatingIfNeeded: bytes.count) &* 0x9e37_79b9_7f4a_7c15
        var index = 0
        while bytes.count - index >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            hash = fold(hash ^ word)
            index += 8
        }
        var word: UInt64 = 0
        var shift: UInt64 = 0
        while index < bytes.count {
            word |= UInt64(bytes[index]) << shift
            shift += 8
            index += 1
        }
        hash = fold(hash ^ word)
        return hash ^ hash >> 29
    }

    @inline(__always)
    private static func fold(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xff51_afd7_ed55_8ccd)
        return product.high ^ product.low
    }
}
