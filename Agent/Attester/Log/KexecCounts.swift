import Bytes
import IMA

/// What a kernel says of its own log before a kexec: `kexec_load` and `kexec_execute` (Linux 6.16 and later) hold the
/// number of records that it had counted.
struct KexecCounts: Hashable, Sendable {
    /// The number of records before this one, as the kernel counted them since it started.
    let counted: UInt64

    /// Reads a record; nil if it is another.
    ///
    /// Source: Linux, security/integrity/ima/ima_kexec.c, `ima_measure_kexec_event`.
    init?(_ record: RecordLayout, in bytes: Span<UInt8>) {
        guard !record.isViolation, bytes.isEqual(record.templateName, "ima-buf") else { return nil }
        let fields = RecordFields(record, in: bytes)
        guard fields.kind == .buffer,
            bytes.isEqual(fields.name, "kexec_execute") || bytes.isEqual(fields.name, "kexec_load")
        else { return nil }
        let text = String(decoding: [UInt8](copying: bytes.extracting(fields.buffer)), as: UTF8.self)
        let counts = text.split(separator: ";").compactMap { part -> UInt64? in
            let sides = part.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, sides[0] == "ima_runtime_measurements_count" else { return nil }
            return UInt64(sides[1])
        }
        guard let counted = counts.first else { return nil }
        self.counted = counted
    }
}

extension RecordLayout {
    /// Whether a kernel began its log with it, at a boot or behind a kexec.
    func isBootAggregate(in bytes: Span<UInt8>) -> Bool {
        let fields = RecordFields(self, in: bytes)
        guard fields.kind == .file else { return false }
        return bytes.isEqual(fields.name, "boot_aggregate") || bytes.isEqual(fields.name, "boot_aggregate_late")
    }
}

extension Span<UInt8> {
    fileprivate func isEqual(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<range.count where self[range.lowerBound + index] != text.utf8Start[index] { return false }
        return true
    }
}
