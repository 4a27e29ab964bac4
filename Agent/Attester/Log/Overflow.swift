import IMA
import TPM

/// Records that the kernel holds and no shard does, for want of room: where they are, not what they are.
struct Overflow: Sendable {
    /// A place in a kernel's file, and what overflows before it.
    struct Mark: Sendable {
        let record: UInt64
        let bytes: UInt64
        let file: KernelFile
        let offset: UInt64
    }

    /// The number of the first record.
    let first: UInt64
    /// One more than the last.
    private(set) var next: UInt64
    /// The sum of their lengths.
    private(set) var bytes: UInt64 = 0
    /// The PCRs that they name.
    private(set) var pcrs = PCRSet()
    private var marks: [Mark] = []

    private static let interval: UInt64 = 1024

    /// Nothing overflows yet.
    init(first: UInt64) {
        self.first = first
        next = first
    }

    /// Adds the next record.
    ///
    /// - Parameter offset: where it begins in the file.
    mutating func add(_ record: RecordLayout, in file: KernelFile, at offset: UInt64) {
        if marks.last?.file != file || (next - first).isMultiple(of: Self.interval) {
            marks.append(Mark(record: next, bytes: bytes, file: file, offset: offset))
        }
        if record.pcr < 24 { pcrs.formUnion(PCRSet([Int(record.pcr)])) }
        next += 1
        bytes += UInt64(record.range.count)
    }

    /// The last place that is known before a record; nil if it doesn't overflow.
    func mark(before record: UInt64) -> Mark? {
        guard record >= first, record < next else { return nil }
        return marks.last { $0.record <= record }
    }

    /// How many records stand in the same file behind a mark.
    func end(of mark: Mark) -> UInt64 {
        marks.first { $0.record > mark.record && $0.file != mark.file }?.record ?? next
    }
}
