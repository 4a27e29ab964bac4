import AssayCrypto
import Bytes
package import IMA

/// The index of a boot epoch's shards: text, a line for each thing that was learned, the newest last.
///
///     ima-shards 1 0000000002 little sha1
///     kernel 3f0c…-… record=0 offset=0 start=0
///     shard 0 5260 1048432 2c26b46b… sha256:10=6e340b9c… sha256:10/6=a0ff…
///     shard 5260 5225 1048301 …
///
/// The first line has the version, the boot epoch (the TPM's resetCount), the order of the log's bytes and the hash of
/// its digest column. A `shard` line replaces those before it that begin at its first record or later: the newest shard
/// grows by being replaced. The last `kernel` line counts. `begins 4711` is there only if the log begins with a
/// `snapshot_aggregate`: the number in the boot epoch of the record that has number 0 here. A line without its newline
/// at the end was being written when the writer was killed, and doesn't count.
package struct ShardIndex: Hashable, Sendable {
    /// The boot whose shards these are.
    package let epoch: BootEpoch
    /// What nothing in the log says.
    package let format: LogFormat
    /// The shards, in the log's order; each begins where the one before ends, the first at record 0.
    package private(set) var entries: [ShardEntry] = []
    /// Where the kernel's list stands.
    package private(set) var kernel: KernelPosition?
    /// The number in the boot epoch of the first record, if the log begins with a snapshot and a verifier's match has told
    /// which one that is.
    package private(set) var begins: UInt64?
    /// Lines of the text that were replaced by later ones.
    private(set) var replacedLines = 0
    /// The sum of all shards' lengths.
    package private(set) var bytes: UInt64 = 0

    /// A line of the index.
    enum Line: Hashable, Sendable {
        case shard(ShardEntry)
        case kernel(KernelPosition)
        case begins(UInt64)

        var text: String {
            switch self {
            case .shard(let entry): "shard \(entry.text)\n"
            case .kernel(let position): "kernel \(position.text)\n"
            case .begins(let record): "begins \(record)\n"
            }
        }
    }

    /// An index of nothing.
    package init(epoch: BootEpoch, format: LogFormat) {
        self.epoch = epoch
        self.format = format
    }

    /// One more than the last record.
    package var nextRecord: UInt64 { entries.last?.end ?? 0 }

    /// The shard that holds a record.
    package func position(of record: UInt64) -> Int? {
        guard record < nextRecord else { return nil }
        var low = 0
        var high = entries.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if entries[middle].name.first <= record { low = middle } else { high = middle }
        }
        return low
    }

    /// The text has no replaced line any more.
    mutating func forgetReplaced() { replacedLines = 0 }

    /// Whether the line can follow; a shard that leaves records out can't.
    mutating func apply(_ line: Line) -> Bool {
        switch line {
        case .kernel(let position):
            if kernel != nil { replacedLines += 1 }
            kernel = position
            return true
        case .begins(let record):
            if begins != nil { replacedLines += 1 }
            begins = record
            return true
        case .shard(let entry):
            while let last = entries.last, last.name.first >= entry.name.first {
                entries.removeLast()
                bytes -= last.bytes
                replacedLines += 1
            }
            guard entry.name.first == nextRecord else { return false }
            entries.append(entry)
            bytes += entry.bytes
            return true
        }
    }
}

extension ShardIndex {
    private static let magic = "ima-shards 1"

    /// The first line.
    var header: String { "\(Self.magic) \(epoch.folder) \(format.byteOrder) \(format.column)\n" }

    /// The whole text, without what was replaced.
    var text: String {
        header + (kernel.map { Line.kernel($0).text } ?? "") + (begins.map { Line.begins($0).text } ?? "")
            + entries.map { Line.shard($0).text }.joined()
    }

    /// Reads an index.
    ///
    /// - Returns: the index, and how many bytes of the text it took: what is behind was never finished.
    /// - Throws: the number of the line, from 1, that is none.
    static func read(_ bytes: [UInt8]) throws(MalformedLine) -> (index: ShardIndex, length: Int) {
        let length = (bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        let text = String(decoding: bytes[..<length], as: UTF8.self)
        var number = 1
        var index: ShardIndex?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            if var known = index {
                index = nil  // so that the entries aren't copied
                guard let line = Self.line(words), known.apply(line) else { throw MalformedLine(number: number) }
                index = known
            } else {
                guard let begun = ShardIndex(header: words) else { throw MalformedLine(number: number) }
                index = begun
            }
            number += 1
        }
        guard let index else { throw MalformedLine(number: 1) }
        return (index, length)
    }

    /// A line that is none of an index's.
    struct MalformedLine: Error, Hashable {
        let number: Int
    }

    private init?(header words: [Substring]) {
        guard words.count == 5, words[0...1].joined(separator: " ") == Self.magic,
            let epoch = BootEpoch(folder: words[2]), let column = PCRBank(name: String(words[4]))
        else { return nil }
        switch words[3] {
        case "little": self.init(epoch: epoch, format: LogFormat(byteOrder: .little, column: column))
        case "big": self.init(epoch: epoch, format: LogFormat(byteOrder: .big, column: column))
        default: return nil
        }
    }

    private static func line(_ words: [Substring]) -> Line? {
        switch words.first {
        case "shard": ShardEntry(words.dropFirst()).map(Line.shard)
        case "kernel": KernelPosition(words.dropFirst()).map(Line.kernel)
        case "begins": words.count == 2 ? UInt64(words[1]).map(Line.begins) : nil
        default: nil
        }
    }
}
