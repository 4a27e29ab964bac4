/// Digests of several lengths in one policy: a log has a file's digest by one hash, ima_hash= or that of the file's
/// signature, and a path that is listed by another alone can't match it.
struct DigestMixture: CustomStringConvertible {
    /// How many paths are listed by digests of this length alone, for each length; several lengths.
    private let paths: [(size: Int, count: Int)]

    /// Nil if every path has digests of each length that there is, so that nothing is amiss.
    ///
    /// A boot_aggregate has the hash of a bank, whatever the files' is.
    init?(of entries: [PolicyDocument.Entry]) {
        var sizes: Set<Int> = []
        var counts: [Set<Int>: Int] = [:]
        for entry in entries where !entry.name.starts(with: "boot_aggregate".utf8) && !entry.digests.isEmpty {
            let own = Set(entry.digests.map(\.count))
            sizes.formUnion(own)
            counts[own, default: 0] += 1
        }
        guard counts.keys.contains(where: { $0 != sizes }) else { return nil }
        paths = sizes.sorted().map { size in
            (size, counts.filter { $0.key.contains(size) }.values.reduce(0, +))
        }
    }

    var description: String {
        let lengths = paths.map { "\($0.count) by \(Self.hash(ofSize: $0.size))" }.joined(separator: ", ")
        return
            "paths are listed by digests of different lengths (\(lengths)): a kernel hashes a file by ima_hash= or, if it "
            + "is signed, by its signature's hash, and a path that lacks that one is a digest_mismatch; a log's own "
            + "digests are right (policy create --log), any others should be of one --hash"
    }

    /// The hash that digests of a length are usually of.
    static func hash(ofSize size: Int) -> String {
        switch size {
        case 20: "SHA-1"
        case 28: "SHA-224"
        case 32: "SHA-256"
        case 48: "SHA-384"
        case 64: "SHA-512"
        default: "\(size) bytes"
        }
    }
}
