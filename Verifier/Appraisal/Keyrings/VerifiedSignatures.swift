internal import Synchronization
internal import AssayCrypto

/// A memory of signatures that verified, shared by all sessions of a process: the same package's files come with the
/// same signatures on every host of a fleet.
///
/// Only successes are kept, under the SHA-256 of key, digest and signature in full: nothing that a host sends can make
/// another host's signature pass. Its size is bounded; the older half is forgotten when it is full.
package final class VerifiedSignatures: Sendable {
    /// What one entry takes, roughly: a digest in a hash table at most half full.
    package static let bytesPerEntry = 2 * MemoryLayout<Fingerprint>.stride

    private struct Generations: Sendable {
        var young: Set<Fingerprint> = []
        var old: Set<Fingerprint> = []
    }

    /// SHA-256, as four words.
    struct Fingerprint: Hashable, Sendable {
        let first: UInt64
        let second: UInt64
        let third: UInt64
        let fourth: UInt64

        /// Which signature over which digest by which key.
        ///
        /// - Parameter blob: the signature with its header, which says of what kind it is.
        init(key: Digest, digest: Digest, blob: Span<UInt8>) {
            let signature = PCRBank.sha256.digest(of: blob)
            // Fixed places, and the digest's length stated: no two triples make the same bytes.
            let hash = withUnsafeTemporaryAllocation(byteCount: 32 + 32 + 1 + 64, alignment: 8) { buffer in
                buffer.initializeMemory(as: UInt8.self, repeating: 0)
                key.withBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[0..<32]).copyBytes(from: $0.prefix(32)) }
                signature.withBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[32..<64]).copyMemory(from: $0) }
                buffer[64] = UInt8(truncatingIfNeeded: digest.count)
                digest.withBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[65...]).copyMemory(from: $0) }
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
    }

    private let generations = Mutex(Generations())
    private let entriesPerGeneration: Int

    /// An empty memory.
    ///
    /// - Parameter byteLimit: roughly how much it may hold.
    package init(byteLimit: Int = 64 << 20) {
        entriesPerGeneration = max(1, byteLimit / Self.bytesPerEntry / 2)
    }

    /// Whether this signature has verified before.
    func contains(_ fingerprint: Fingerprint) -> Bool {
        generations.withLock { generations in
            if generations.young.contains(fingerprint) { return true }
            guard generations.old.contains(fingerprint) else { return false }
            insert(fingerprint, &generations)
            return true
        }
    }

    /// Remembers a signature that has just verified.
    ///
    /// - Returns: whether it wasn't known before.
    @discardableResult
    func insert(_ fingerprint: Fingerprint) -> Bool {
        generations.withLock { generations in
            if generations.young.contains(fingerprint) { return false }
            let isNew = !generations.old.contains(fingerprint)
            insert(fingerprint, &generations)
            return isNew
        }
    }

    private func insert(_ fingerprint: Fingerprint, _ generations: inout Generations) {
        if generations.young.count >= entriesPerGeneration {
            generations.old = generations.young
            generations.young = []
        }
        generations.young.insert(fingerprint)
    }
}
