import IMA

/// Bytes of a kernel's list as they come in, cut at records.
struct RecordStream: Sendable {
    /// The number of the record that `bytes` begin with.
    private(set) var record: UInt64
    /// Bytes from the start of the kernel's list to it.
    private(set) var offset: UInt64
    /// What came in and was not taken.
    private(set) var bytes: [UInt8] = []
    /// How many whole records `bytes` begin with, and where they end.
    private(set) var whole: (count: UInt64, end: Int) = (0, 0)
    /// Why what comes behind the whole records is none.
    private(set) var fault: LogError?
    /// What nothing in the log says; nil until the first record is whole.
    private(set) var format: LogFormat?

    /// A stream that begins with a record.
    init(record: UInt64, offset: UInt64, format: LogFormat?) {
        self.record = record
        self.offset = offset
        self.format = format
    }

    /// Where to read on.
    var readOffset: UInt64 { offset + UInt64(bytes.count) }

    /// Takes bytes in; `visit` sees each record that they make whole, with its number.
    mutating func feed(
        _ more: some Collection<UInt8>, _ visit: (RecordLayout, Span<UInt8>, UInt64) -> Void = { _, _, _ in }
    ) {
        bytes.append(contentsOf: more)
        guard fault == nil, detect(), let format else { return }
        let delimiter = LogDelimiter(format)
        do throws(LogError) {
            while case .record(let layout) = try delimiter.record(
                in: bytes.span, at: whole.end, number: record + whole.count)
            {
                visit(layout, bytes.span, record + whole.count)
                whole = (whole.count + 1, layout.range.upperBound)
            }
        } catch {
            fault = error
        }
    }

    /// The whole records, which are the stream's no more.
    mutating func take() -> [UInt8] {
        let records = Array(bytes[..<whole.end])
        bytes.removeSubrange(..<whole.end)
        record += whole.count
        offset += UInt64(whole.end)
        whole = (0, 0)
        return records
    }

    private mutating func detect() -> Bool {
        guard format == nil, !bytes.isEmpty else { return format != nil }
        do throws(LogError) {
            format = try LogFormat.detect(bytes.span)
            return true
        } catch {
            if bytes.count >= LogLimits.standard.recordBytes { fault = error }
            return false
        }
    }
}
