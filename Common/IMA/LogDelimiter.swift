import AssayCrypto

/// Finds where records begin and end, and nothing else: what is needed to cut a stream into shards.
///
/// Source: Linux, security/integrity/ima/ima_fs.c, `ima_measurements_show`.
package struct LogDelimiter: Hashable, Sendable {
    /// What stands at a place of a log.
    package enum Found: Hashable, Sendable {
        /// A whole record.
        case record(RecordLayout)
        /// The beginning of a record, which has at least this many bytes.
        case incomplete(needed: Int)
    }

    /// What the host's kernel writes.
    package let format: LogFormat
    /// The limits that lengths are held to.
    package let limits: LogLimits

    /// A delimiter of logs of one format.
    package init(_ format: LogFormat, limits: LogLimits = .standard) {
        self.format = format
        self.limits = limits
    }

    /// The record that begins at an offset.
    ///
    /// - Parameters:
    ///   - offset: within the bytes; at their end the answer is `incomplete`.
    ///   - number: the record's number, for the error.
    /// - Throws: ``LogError`` for a length over its limit, before anything waits for so many bytes.
    /// - Complexity: constant; no allocation.
    package func record(
        in bytes: Span<UInt8>, at offset: Int, number: UInt64
    ) throws(LogError) -> Found {
        let left = bytes.count - offset
        let nameLengthAt = offset + 4 + format.column.digestSize
        let name = nameLengthAt + 4
        guard offset >= 0, left >= name - offset else { return .incomplete(needed: name - offset) }
        let nameLength = Int(bytes.u32(at: nameLengthAt, format.byteOrder))
        guard nameLength <= limits.templateNameBytes else {
            let code = LogError.Code.templateNameTooLong(length: nameLength, limit: limits.templateNameBytes)
            throw LogError(code, record: number, offset: offset)
        }
        // Every template but `ima` has its data's length behind its name; `ima` a digest and then a length.
        let afterName = name + nameLength
        guard left >= afterName - offset else { return .incomplete(needed: afterName + 4 - offset) }
        let isLegacy = nameLength == 3 && bytes.extracting(name..<afterName).equals("ima")
        let lengthAt = isLegacy ? afterName + 20 : afterName
        guard left >= lengthAt + 4 - offset else { return .incomplete(needed: lengthAt + 4 - offset) }
        let length = Int(bytes.u32(at: lengthAt, format.byteOrder))
        if isLegacy, length > LogLimits.legacyNameBytes {
            let code = LogError.Code.legacyNameTooLong(length: length, limit: LogLimits.legacyNameBytes)
            throw LogError(code, record: number, offset: offset)
        }
        let end = lengthAt + 4 + length
        guard end - offset <= limits.recordBytes else {
            let code = LogError.Code.recordTooLong(length: end - offset, limit: limits.recordBytes)
            throw LogError(code, record: number, offset: offset)
        }
        guard left >= end - offset else { return .incomplete(needed: end - offset) }
        let pcr = bytes.u32(at: offset, format.byteOrder)
        let isViolation = bytes.isZero(offset + 4..<nameLengthAt)
        return .record(
            RecordLayout(
                offset..<end, nameCount: nameLength, pcr: pcr, format: format, isLegacy: isLegacy,
                isViolation: isViolation))
    }

    /// How many whole records stand at the beginning of the bytes, and where they end.
    ///
    /// - Parameters:
    ///   - bytes: beginning with a record.
    ///   - number: the first record's number.
    ///   - maximumBytes: no further than this, unless the first record alone is longer.
    ///   - maximumRecords: no more than these.
    package func wholeRecords(
        in bytes: Span<UInt8>, number: UInt64, maximumBytes: Int = .max, maximumRecords: Int = .max
    ) throws(LogError) -> (count: Int, end: Int) {
        var count = 0
        var end = 0
        while count < maximumRecords,
            case .record(let layout) = try record(in: bytes, at: end, number: number &+ UInt64(count)),
            layout.range.upperBound <= maximumBytes || count == 0
        {
            end = layout.range.upperBound
            count += 1
        }
        return (count, end)
    }
}
