package import SystemPackage

/// The file `gaps` of a boot's folder: a line for each ``LogGap`` that was seen in this boot.
extension ShardFolder {
    static let gapsName = "gaps"
    /// A log that makes up gaps doesn't fill the disk.
    private static let maximumGaps = 64

    /// The gaps that were seen; lines that are none don't count.
    func gaps() throws(ShardError) -> [LogGap] {
        guard let bytes = try content(Self.gapsName, limit: 1 << 16) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { LogGap(text: $0) }
    }

    /// Adds gaps to those that were seen, on the disk.
    func keep(_ gaps: [LogGap]) throws(ShardError) {
        let known = (try? self.gaps()) ?? []
        let new = gaps.filter { !known.contains($0) }
        guard !new.isEmpty else { return }
        try make()
        let temporary = ".\(Self.gapsName).partial"
        let lines = (known + new).prefix(Self.maximumGaps).map { $0.text + "\n" }
        try create(temporary, Array(lines.joined().utf8))
        try rename(temporary, to: Self.gapsName)
    }
}

extension ShardWriter {
    /// The gaps that were seen in this boot's log, by this process or another.
    package func gaps() throws(ShardError) -> [LogGap] { try folder.gaps() }

    /// Remembers gaps for as long as the boot's shards are kept.
    package func keep(_ gaps: [LogGap], holding lock: borrowing ShardLock) throws(ShardError) {
        try folder.keep(gaps)
    }
}

extension ShardReader {
    /// The gaps that were seen in a boot's log; none if the boot has no folder.
    package static func gaps(in root: FilePath, epoch: BootEpoch) throws(ShardError) -> [LogGap] {
        try ShardFolder(
            path: root.appending(epoch.folder), permissions: ShardPermissions(), observe: { _ in }
        ).gaps()
    }
}
