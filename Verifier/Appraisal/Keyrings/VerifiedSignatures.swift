internal import Glibc
internal import Synchronization
internal import AssayCrypto

/// A memory of signatures that verified, shared by all sessions of a process: the same package's files come with the
/// same signatures on every host of a fleet.
///
/// Only successes are kept, under the SHA-256 of key, digest and signature in full: nothing that a host sends can make
/// another host's signature pass. Its size is bounded: an entry has four places, and the one of them that was used least
/// lately makes room. It grows with what it holds: a few thousand signatures lie close together, where a processor finds
/// them. Two threads rarely meet at one lock, for there are many.
package final class VerifiedSignatures: Sendable {
    /// What one entry takes.
    package static let bytesPerEntry = MemoryLayout<Fingerprint>.stride

    /// SHA-256, as four words. Zero stands for none: nobody can find its preimage.
    struct Fingerprint: Hashable, Sendable {
        let first: UInt64
        let second: UInt64
        let third: UInt64
        let fourth: UInt64

        /// Which signature over which digest by which key.
        ///
        /// - Parameter blob: the signature with its header, which says of what kind it is.
        init(key: Digest, digest: Digest, blob: Span<UInt8>) {
            let head = 32 + 1 + digest.count
            // Fixed places, and the digest's length stated: no two triples make the same bytes.
            let hash = withUnsafeTemporaryAllocation(byteCount: head + blob.count, alignment: 8) { buffer in
                key.withBytes { key in
                    for index in 0..<32 { buffer[index] = index < key.count ? key[index] : 0 }
                }
                buffer[32] = UInt8(truncatingIfNeeded: digest.count)
                digest.withBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[33..<head]).copyMemory(from: $0) }
                blob.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[head...]).copyMemory(from: $0) }
                return PCRBank.sha256.digest(of: UnsafeRawBufferPointer(buffer))
            }
            (first, second, third, fourth) = hash.withBytes {
                (
                    $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                    $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                    $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                    $0.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
                )
            }
        }

        /// Whether it stands for none.
        var isNone: Bool { first | second | third | fourth == 0 }

        static func == (left: Self, right: Self) -> Bool {
            left.first == right.first && left.second == right.second && left.third == right.third
                && left.fourth == right.fourth
        }
    }

    /// A part of the memory, under its own lock.
    private final class Shard: Sendable {
        let places: Mutex<Places>

        init(maximumSets: Int) {
            places = Mutex(Places(maximumSets: maximumSets))
        }
    }

    private static let shardCount = 64
    private let shards: [Shard]

    /// An empty memory.
    ///
    /// - Parameter byteLimit: how much it may hold, to within some kilobytes.
    package init(byteLimit: Int = 64 << 20) {
        let sets = max(Self.shardCount, byteLimit / Self.bytesPerEntry / Places.ways)
        shards = (0..<Self.shardCount).map { Shard(maximumSets: ($0 + sets) / Self.shardCount) }
    }

    /// Whether this signature has verified before.
    func contains(_ fingerprint: Fingerprint) -> Bool {
        shard(fingerprint).places.withLock { $0.use(fingerprint) }
    }

    /// Remembers a signature that has just verified.
    ///
    /// - Returns: whether it wasn't known before.
    @discardableResult
    func insert(_ fingerprint: Fingerprint) -> Bool {
        shard(fingerprint).places.withLock { places in
            if places.use(fingerprint) { return false }
            places.add(fingerprint)
            return true
        }
    }

    private func shard(_ fingerprint: Fingerprint) -> Shard {
        shards[Int(truncatingIfNeeded: fingerprint.second % UInt64(Self.shardCount))]
    }
}

/// Sets of a few places each; a fingerprint is in the one that its first word chooses. What was used last stands first.
private struct Places: ~Copyable, @unchecked Sendable {
    // Sendable: it owns the memory that the pointer is to, and can't be copied.
    typealias Fingerprint = VerifiedSignatures.Fingerprint

    /// Two cache lines.
    static let ways = 4
    /// Two kilobytes, to begin with.
    private static let firstSets: UInt64 = 16

    private var start: UnsafeMutablePointer<Fingerprint>?
    private var sets: UInt64
    private let maximumSets: UInt64
    /// Places that are taken.
    private var count: UInt64 = 0

    /// Without memory nothing is remembered.
    init(maximumSets: Int) {
        self.maximumSets = UInt64(max(1, maximumSets))
        sets = min(Self.firstSets, self.maximumSets)
        start = Self.memory(sets)
    }

    deinit { free(start) }

    private static func memory(_ sets: UInt64) -> UnsafeMutablePointer<Fingerprint>? {
        calloc(Int(sets), ways * MemoryLayout<Fingerprint>.stride)?
            .bindMemory(to: Fingerprint.self, capacity: Int(sets) * ways)
    }

    /// Whether a fingerprint is there; then it moves to the front.
    func use(_ fingerprint: Fingerprint) -> Bool {
        guard let set = set(fingerprint) else { return false }
        for way in 0..<Self.ways where set[way] == fingerprint {
            for place in stride(from: way, to: 0, by: -1) { set[place] = set[place - 1] }
            set[0] = fingerprint
            return true
        }
        return false
    }

    /// Puts a fingerprint that isn't there at the front. Where one would fall out there is made more room first, as far
    /// as the limit goes; a set that is full in an almost empty memory is bad luck, and no reason to.
    mutating func add(_ fingerprint: Fingerprint) {
        while let set = set(fingerprint), !set[Self.ways - 1].isNone, sets < maximumSets, count >= sets / 2 {
            guard grow() else { break }
        }
        insert(fingerprint)
    }

    private mutating func insert(_ fingerprint: Fingerprint) {
        guard let set = set(fingerprint) else { return }
        if set[Self.ways - 1].isNone { count += 1 }
        for place in stride(from: Self.ways - 1, to: 0, by: -1) { set[place] = set[place - 1] }
        set[0] = fingerprint
    }

    /// Doubles the sets, and moves what is there, the front ones last: they stay in front.
    private mutating func grow() -> Bool {
        guard let old = start, let new = Self.memory(min(sets * 2, maximumSets)) else { return false }
        let places = Int(sets) * Self.ways
        start = new
        sets = min(sets * 2, maximumSets)
        count = 0
        for place in stride(from: places - 1, through: 0, by: -1) where !old[place].isNone { insert(old[place]) }
        free(old)
        return true
    }

    private func set(_ fingerprint: Fingerprint) -> UnsafeMutablePointer<Fingerprint>? {
        // The high word of the product is below the number of sets, evenly.
        let index = fingerprint.first.multipliedFullWidth(by: sets).high
        return start.map { $0 + Int(index) * Self.ways }
    }
}
