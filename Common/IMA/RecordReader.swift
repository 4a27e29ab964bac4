/// Reads the records of one shard, one after the other and in place.
///
/// A shard holds whole records: one that is cut off at the end is an error.
package struct RecordReader: ~Escapable {
    private let bytes: Span<UInt8>
    private let delimiter: LogDelimiter
    /// Bytes read so far: where the next record begins.
    package private(set) var offset = 0
    /// The number of the next record in its boot epoch.
    package private(set) var nextRecord: UInt64

    /// Starts at the first byte.
    ///
    /// - Parameter firstRecord: the number of the shard's first record in its boot epoch.
    @_lifetime(copy bytes)
    package init(
        _ bytes: Span<UInt8>, format: LogFormat, limits: LogLimits = .standard, firstRecord: UInt64 = 0
    ) {
        self.bytes = bytes
        delimiter = LogDelimiter(format, limits: limits)
        nextRecord = firstRecord
    }

    /// The next record; nil when there are no bytes left.
    ///
    /// - Throws: ``LogError``; every further call throws it again.
    /// - Complexity: constant; no allocation.
    package mutating func next() throws(LogError) -> RecordLayout? {
        guard offset < bytes.count else { return nil }
        switch try delimiter.record(in: bytes, at: offset, number: nextRecord) {
        case .record(let layout):
            offset = layout.range.upperBound
            nextRecord &+= 1
            return layout
        case .incomplete(let needed):
            let code = LogError.Code.truncated(needed: needed, left: bytes.count - offset)
            throw LogError(code, record: nextRecord, offset: offset)
        }
    }
}
