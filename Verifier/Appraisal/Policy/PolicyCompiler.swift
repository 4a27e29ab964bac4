internal import AssayCrypto
internal import Bytes

/// Lays a policy out as the bytes that ``CompiledPolicy`` looks up.
enum PolicyCompiler {
    /// Compiles a policy.
    ///
    /// - Parameter contentHash: SHA-256 of its source.
    static func compile(_ document: PolicyDocument, contentHash: Digest) throws(PolicyError) -> [UInt8] {
        let size = try blobSize(document)
        let seed = CompiledPolicy.seed(contentHash)
        var bytes = [UInt8](repeating: 0, count: CompiledPolicy.headerSize)
        bytes.reserveCapacity(size)
        let tables = [document.digests, document.keyrings, document.buffers].map { append($0, seed: seed, to: &bytes) }
        let rules = CompiledRules(document).bytes
        let rulesOffset = bytes.count
        bytes += rules

        var header = ByteWriter()
        header.raw(CompiledPolicy.magic)
        header.integer(CompiledPolicy.version, .little)
        header.integer(0 as UInt32, .little)
        header.integer(UInt64(bytes.count), .little)
        header.raw(contentHash.bytes)
        header.raw([UInt8](repeating: 0, count: 32))
        for table in tables {
            header.integer(UInt32(table.offset), .little)
            header.integer(UInt32(table.slotCount), .little)
        }
        header.integer(UInt32(rulesOffset), .little)
        header.integer(UInt32(rules.count), .little)
        bytes.replaceSubrange(0..<CompiledPolicy.headerSize, with: header.bytes)
        return CompiledPolicy.withChecksum(bytes) ?? bytes
    }

    /// Appends a table's records and slots.
    private static func append(
        _ entries: [PolicyDocument.Entry], seed: UInt64, to bytes: inout [UInt8]
    ) -> (offset: Int, slotCount: Int) {
        let slotCount = slotCount(for: entries.count)
        var slots = [(tag: UInt32, offset: UInt32)](repeating: (0, 0), count: slotCount)
        for entry in entries {
            let hash = entry.name.withUnsafeBytes { DigestTable.hash($0, seed: seed) }
            var slot = Int(truncatingIfNeeded: hash) & (slotCount - 1)
            while slots[slot].offset != 0 { slot = (slot + 1) & (slotCount - 1) }
            slots[slot] = (UInt32(truncatingIfNeeded: hash >> 32), UInt32(bytes.count))
            append(UInt32(entry.name.count), to: &bytes)
            append(UInt32(entry.digests.count), to: &bytes)
            bytes += entry.name
            for digest in entry.digests {
                bytes.append(UInt8(digest.count))
                bytes += digest
            }
        }
        // A slot never straddles two cache lines.
        while !bytes.count.isMultiple(of: DigestTable.slotSize) { bytes.append(0) }
        let offset = bytes.count
        for slot in slots {
            append(slot.tag, to: &bytes)
            append(slot.offset, to: &bytes)
        }
        return (offset, slotCount)
    }

    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func slotCount(for entries: Int) -> Int {
        guard entries > 0 else { return 0 }
        var count = 2
        while count < 2 * entries { count *= 2 }
        return count
    }

    /// The blob's size, roughly, from above; offsets have 32 bits.
    private static func blobSize(_ document: PolicyDocument) throws(PolicyError) -> Int {
        var size = CompiledPolicy.headerSize + 64 + CompiledRules(document).bytes.count
        for entries in [document.digests, document.keyrings, document.buffers] {
            size += slotCount(for: entries.count) * DigestTable.slotSize
            for entry in entries {
                size += DigestTable.recordHeaderSize + entry.name.count
                for digest in entry.digests { size += 1 + digest.count }
            }
        }
        guard size <= Int(UInt32.max) else {
            throw PolicyError(place: "policy", "larger than 4 GiB when compiled; split it")
        }
        return size
    }
}
