import Bytes

/// What a kernel says of its own log before a kexec: `kexec_load` and `kexec_execute` (Linux 6.16 and later) hold the
/// number of records that it had counted.
package struct KexecCounts: Hashable, Sendable {
    /// The number of records before this one, as the kernel counted them: those that it began with, behind another
    /// kexec, and its own.
    package let counted: UInt64

    /// Reads a record; nil if it is another.
    ///
    /// Source: Linux, security/integrity/ima/ima_kexec.c, `ima_measure_kexec_event`.
    package init?(_ record: RecordLayout, in bytes: Span<UInt8>) {
        guard !record.isViolation, bytes.extracting(record.templateName).equals("ima-buf") else { return nil }
        self.init(RecordFields(record, in: bytes), in: bytes)
    }

    /// Reads a record whose fields are known; nil if it is another, or not of such numbers alone: anything may be measured
    /// under this name, a key on a keyring that a user called so, say.
    package init?(_ fields: RecordFields, in bytes: Span<UInt8>) {
        guard fields.kind == .buffer, !fields.isViolation, fields.buffer.count <= Self.maximumBytes,
            bytes.extracting(fields.name).equals("kexec_execute") || bytes.extracting(fields.name).equals("kexec_load")
        else { return nil }
        let parts = [UInt8](copying: bytes.extracting(fields.buffer)).split(
            separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard parts.last?.isEmpty == true else { return nil }
        var counted: UInt64?
        for part in parts.dropLast() {
            guard let counter = Counter(part) else { return nil }
            guard counter.name.elementsEqual("ima_runtime_measurements_count".utf8) else { continue }
            guard counted == nil else { return nil }
            counted = counter.value
        }
        guard let counted else { return nil }
        self.counted = counted
    }

    private static let maximumBytes = 1024
}

/// A number in a measured text: `name=digits`, the name of letters and `_`.
struct Counter {
    let name: ArraySlice<UInt8>
    let value: UInt64

    init?(_ text: ArraySlice<UInt8>) {
        guard let equals = text.firstIndex(of: UInt8(ascii: "=")), equals > text.startIndex else { return nil }
        name = text[..<equals]
        let digits = text[(equals + 1)...]
        guard name.allSatisfy({ $0 == UInt8(ascii: "_") || (0x41...0x5a).contains($0 & 0xdf) }),
            digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = UInt64(String(decoding: digits, as: UTF8.self))
        else { return nil }
        self.value = value
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
