package import AssayCrypto
import Bytes

/// Reads the text form of a log (`ascii_runtime_measurements`) and encodes it as the kernel would have in binary, so that
/// everything behind it knows that form only.
///
/// Names may hold newlines, so a record can take several lines: they are joined until the digest column is the digest of
/// what was encoded. Where it never is (a violation, or a column that is wrong), the record ends before the next line that
/// begins like one.
package struct ASCIILog {
    /// A whole log in its binary form.
    package struct Encoded: Hashable, Sendable {
        /// The records, little endian.
        package let bytes: [UInt8]
        /// The hash of the column that the text has.
        package let format: LogFormat
        /// Why the text could not be read to its end; the records before that place are there.
        package let error: LogError?
    }

    /// Newlines farther than this from a record's first byte are not taken for a part of its name: a path has 4,096 bytes,
    /// and some hundred stand in front of it.
    private static let joinedBytes = 8192

    private let text: [UInt8]
    private let limits: LogLimits
    /// Where the next record begins, blank lines before it aside.
    package private(set) var offset = 0
    private var record: UInt64
    /// The hash of the digest column, known once a record was read.
    package private(set) var column: PCRBank?

    /// Starts at the first byte.
    ///
    /// - Parameter firstRecord: the number of the first record, for errors.
    package init(_ text: [UInt8], limits: LogLimits = .standard, firstRecord: UInt64 = 0) {
        self.text = text
        self.limits = limits
        record = firstRecord
    }

    /// Encodes a whole log, as far as it can be read.
    package static func encode(_ text: [UInt8], limits: LogLimits = .standard, firstRecord: UInt64 = 0) -> Encoded {
        var log = ASCIILog(text, limits: limits, firstRecord: firstRecord)
        var bytes: [UInt8] = []
        var failure: LogError?
        do throws(LogError) {
            while let record = try log.next() { bytes += record }
        } catch {
            failure = error
        }
        return Encoded(bytes: bytes, format: LogFormat(column: log.column ?? .sha1), error: failure)
    }

    /// The next record in its binary form, little endian; nil at the end. Blank lines are passed over.
    ///
    /// - Throws: ``LogError``, its offset in the text; every further call throws it again.
    package mutating func next() throws(LogError) -> [UInt8]? {
        let start = pastBlankLines(offset)
        guard start < text.count else { return nil }
        let (line, end) = try bestRecord(from: start)
        guard column == nil || column == line.column else {
            throw LogError(.line(.column), record: record, offset: start)
        }
        let bytes = line.encoded
        // The limits are those of the binary form.
        let format = LogFormat(column: line.column)
        guard case .record = try LogDelimiter(format, limits: limits).record(in: bytes.span, at: 0, number: record)
        else {
            throw LogError(.line(.field), record: record, offset: start)
        }
        column = line.column
        record &+= 1
        offset = end
        return bytes
    }

    /// The record that begins at a place, and where its last line ends.
    private func bestRecord(from start: Int) throws(LogError) -> (ASCIIRecord, Int) {
        var end = lineEnd(from: start)
        var first: Result<ASCIIRecord, LogError.TextProblem>?
        let firstEnd = end
        var bounded: (ASCIIRecord, Int)?
        while true {
            // Text takes at most two characters for a byte; this also bounds what is allocated for a line.
            guard (end - start) / 2 <= limits.recordBytes else {
                let code = LogError.Code.recordTooLong(length: (end - start) / 2, limit: limits.recordBytes)
                throw LogError(code, record: record, offset: start)
            }
            let attempt = parse(start..<end)
            if case .success(let line) = attempt {
                if line.isColumnRight { return (line, end) }
                if bounded == nil, isBoundary(end) {
                    bounded = (line, end)
                    // A violation's column says nothing, however many lines are joined.
                    if line.isViolation { return (line, end) }
                }
            }
            first = first ?? attempt
            guard end < text.count, end - start <= Self.joinedBytes else { break }
            end = lineEnd(from: end + 1)
        }
        if let bounded { return bounded }
        switch first {
        case .success(let line): return (line, firstEnd)
        case .failure(let problem): throw LogError(.line(problem), record: record, offset: start)
        case .none: throw LogError(.line(.field), record: record, offset: start)
        }
    }

    private func parse(_ range: Range<Int>) -> Result<ASCIIRecord, LogError.TextProblem> {
        do throws(LogError.TextProblem) {
            return .success(try ASCIIRecord(text[range], limits: limits))
        } catch {
            return .failure(error)
        }
    }
}

// MARK: Lines

extension ASCIILog {
    private static let newline = UInt8(ascii: "\n")

    /// The newline at or behind a place, or the end.
    private func lineEnd(from start: Int) -> Int {
        text[start...].firstIndex(of: Self.newline) ?? text.count
    }

    private func pastBlankLines(_ start: Int) -> Int {
        text[start...].firstIndex { $0 != Self.newline } ?? text.count
    }

    /// Whether a record may end at a line's end: nothing follows, or a line that begins like a record.
    private func isBoundary(_ end: Int) -> Bool {
        let next = pastBlankLines(end)
        return next == text.count || ASCIIRecord.begins(text[next...])
    }
}
