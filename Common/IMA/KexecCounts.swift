import Bytes

/// What a kernel says of its own log before a kexec: `kexec_load` and `kexec_execute` (Linux 6.16 and later) hold the
/// number of records that it had counted.
package struct KexecCounts: Hashable, Sendable {
    /// The number of records before this one, as the kernel counted them since it started.
    package let counted: UInt64

    /// Reads a record; nil if it is another.
    ///
    /// Source: Linux, security/integrity/ima/ima_kexec.c, `ima_measure_kexec_event`.
    package init?(_ record: RecordLayout, in bytes: Span<UInt8>) {
        guard !record.isViolation, bytes.extracting(record.templateName).equals("ima-buf") else { return nil }
        self.init(RecordFields(record, in: bytes), in: bytes)
    }

    /// Reads a record whose fields are known; nil if it is another.
    package init?(_ fields: RecordFields, in bytes: Span<UInt8>) {
        guard fields.kind == .buffer, !fields.isViolation,
            bytes.extracting(fields.name).equals("kexec_execute") || bytes.extracting(fields.name).equals("kexec_load")
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
    package func isBootAggregate(in bytes: Span<UInt8>) -> Bool {
        let fields = RecordFields(self, in: bytes)
        guard fields.kind == .file else { return false }
        let name = bytes.extracting(fields.name)
        return name.equals("boot_aggregate") || name.equals("boot_aggregate_late")
    }
}
