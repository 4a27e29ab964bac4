package import AssayCrypto
package import Bytes

/// What nothing in a binary log says: the order of its bytes and the hash of its digest column.
package struct LogFormat: Hashable, Sendable {
    /// The host's byte order; little endian on any host that booted with `ima_canonical_fmt`.
    package let byteOrder: ByteOrder
    /// The hash of the digest column: SHA-1 in `binary_runtime_measurements`, the bank's in a file named after a bank.
    package let column: PCRBank

    /// A format that is known.
    package init(byteOrder: ByteOrder = .little, column: PCRBank = .sha1) {
        self.byteOrder = byteOrder
        self.column = column
    }

    /// Finds a log's format by its first record: the one in which every field of it has its place.
    ///
    /// A record of an unknown template cannot tell: then the first format in which it can be delimited is taken, and
    /// little endian SHA-1 is tried first.
    /// - Parameter bytes: the beginning of a log, with at least one whole record.
    /// - Throws: ``LogError`` with `.unknownFormat`.
    package static func detect(_ bytes: Span<UInt8>, limits: LogLimits = .standard) throws(LogError) -> LogFormat {
        var delimited: LogFormat?
        for byteOrder in [ByteOrder.little, .big] {
            for column in PCRBank.allCases {
                let format = LogFormat(byteOrder: byteOrder, column: column)
                let found = try? LogDelimiter(format, limits: limits).record(in: bytes, at: 0, number: 0)
                guard case .record(let record)? = found, record.pcr < 24 else { continue }
                switch RecordFields(record, in: bytes, limits: limits).kind {
                case .file, .buffer: return format
                case .unknownTemplate, .malformed:
                    guard bytes.extracting(record.templateName).isTemplateName else { continue }
                    delimited = delimited ?? format
                }
            }
        }
        guard let delimited else { throw LogError(.unknownFormat, record: 0, offset: 0) }
        return delimited
    }

    /// Whether a log is in the text form (`ascii_runtime_measurements`) rather than the binary one.
    ///
    /// A binary log begins with a PCR index below 24 in four bytes, three of which are zero; no text has a zero there.
    package static func isText(_ bytes: Span<UInt8>) -> Bool {
        for index in 0..<min(4, bytes.count) where bytes[index] == 0 { return false }
        return true
    }
}

extension Span<UInt8> {
    /// Whether the bytes could name a template: printable ASCII without a space, at least one.
    fileprivate var isTemplateName: Bool {
        for index in indices where !(0x21...0x7e).contains(self[index]) { return false }
        return !isEmpty
    }
}
