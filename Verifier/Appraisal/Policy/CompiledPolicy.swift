package import AssayCrypto
internal import Bytes

/// A policy as one position-independent run of bytes: stored once under its content hash, loaded once a process, looked
/// up in place by every session.
///
/// Layout, numbers little endian: magic (8 bytes), version (4), zero (4), size of the blob (8), SHA-256 of the policy's
/// source (32), a checksum over the rest (32), then offset and size of each section (4 + 4): the tables
/// of paths, keyrings and buffers (slots; see ``DigestTable``) and the rules.
package struct CompiledPolicy: Hashable, Sendable {
    static let magic = Array("ASSAYPOL".utf8)
    static let version: UInt32 = 2
    static let checksumOffset = 56
    static let headerSize = 120

    /// The blob.
    package let bytes: [UInt8]
    /// SHA-256 of the source that it was compiled from.
    package let contentHash: Digest
    let paths: DigestTable
    let keyrings: DigestTable
    let buffers: DigestTable
    let rules: CompiledRules

    /// Loads a blob. One that is damaged, cut or of another version is refused: compile it from its source again.
    package init(_ bytes: [UInt8]) throws(PolicyError) {
        do {
            var reader = ByteReader(bytes.span)
            guard try reader.array(8) == Self.magic else { throw Self.refusal("not a compiled policy") }
            let version = try reader.integer(UInt32.self, .little)
            guard version == Self.version else {
                throw Self.refusal("version \(version), this program knows \(Self.version)")
            }
            guard try reader.integer(UInt32.self, .little) == 0, try reader.integer(UInt64.self, .little) == bytes.count
            else { throw Self.refusal("its size isn't what its header says") }
            guard let contentHash = Digest(try reader.array(32)), let checksum = Digest(try reader.array(32)) else {
                throw Self.refusal("cut short")
            }
            guard Self.checksum(of: bytes) == checksum else { throw Self.refusal("its checksum is wrong") }
            self.contentHash = contentHash
            let seed = Self.seed(contentHash)
            paths = try Self.table(&reader, bytes.count, seed)
            keyrings = try Self.table(&reader, bytes.count, seed)
            buffers = try Self.table(&reader, bytes.count, seed)
            let offset = Int(try reader.integer(UInt32.self, .little))
            let size = Int(try reader.integer(UInt32.self, .little))
            guard offset <= bytes.count, size <= bytes.count - offset else {
                throw Self.refusal("a section out of place")
            }
            rules = try CompiledRules(bytes.span.extracting(offset..<offset + size))
            self.bytes = bytes
        } catch let error as PolicyError {
            throw error
        } catch {
            throw Self.refusal("cut short: \(error)")
        }
    }

    /// One of the tables.
    enum Table: Hashable, Sendable {
        case paths
        case keyrings
        case buffers
    }

    /// What a name is allowed to be, for a message: the first few digests.
    func expected(_ table: Table, _ name: Span<UInt8>) -> [String] {
        self[table].digests(of: name, limit: 4, in: bytes).map(\.hexadecimal)
    }

    /// The hashes by which a name is listed, if none of them has digests of this length: then nothing was compared.
    func otherHashes(_ table: Table, _ name: Span<UInt8>, thanOfSize size: Int) -> String? {
        let sizes = self[table].sizes(of: name, in: bytes)
        guard !sizes.isEmpty, !sizes.contains(size) else { return nil }
        return sizes.sorted().map(DigestMixture.hash(ofSize:)).joined(separator: " and ")
    }

    private subscript(table: Table) -> DigestTable {
        switch table {
        case .paths: paths
        case .keyrings: keyrings
        case .buffers: buffers
        }
    }

    /// SHA-256 of a blob without its checksum's field.
    static func checksum(of bytes: [UInt8]) -> Digest {
        var content = bytes.span.extracting(first: min(checksumOffset, bytes.count))
        let head = PCRBank.sha256.digest(of: content)
        content = bytes.span.extracting(droppingFirst: min(checksumOffset + 32, bytes.count))
        let body = PCRBank.sha256.digest(of: content)
        return PCRBank.sha256.digest(of: (head.bytes + body.bytes).span)
    }

    /// A blob with the checksum that its other bytes have: the compiler's last step.
    ///
    /// - Returns: nil if it is shorter than a header.
    package static func withChecksum(_ blob: [UInt8]) -> [UInt8]? {
        guard blob.count >= headerSize else { return nil }
        var bytes = blob
        bytes.replaceSubrange(checksumOffset..<checksumOffset + 32, with: checksum(of: blob).bytes)
        return bytes
    }

    /// What is mixed into the hashes of a policy's tables.
    static func seed(_ contentHash: Digest) -> UInt64 {
        contentHash.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func table(
        _ reader: inout ByteReader, _ size: Int, _ seed: UInt64
    ) throws -> DigestTable {
        let slots = Int(try reader.integer(UInt32.self, .little))
        let count = Int(try reader.integer(UInt32.self, .little))
        guard count & (count - 1) == 0, slots <= size, count <= (size - slots) / DigestTable.slotSize else {
            throw refusal("a table out of place")
        }
        return DigestTable(slots: slots, slotCount: count, seed: seed)
    }

    static func refusal(_ message: String) -> PolicyError {
        PolicyError(place: "compiled policy", "\(message); compile it again from its source")
    }
}
