/// Why a log cannot be read on: what was wrong with which record, and where.
///
/// A record that can still be delimited never causes one: see ``MalformedRecord``.
package struct LogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was wrong.
    package enum Code: Hashable, Sendable {
        /// The bytes end inside the record, which has at least `needed` bytes.
        case truncated(needed: Int, left: Int)
        /// The whole record is longer than its limit.
        case recordTooLong(length: Int, limit: Int)
        /// The length of the template's name is over its limit.
        case templateNameTooLong(length: Int, limit: Int)
        /// The file name of a record of the template `ima` is longer than the kernel can hash.
        case legacyNameTooLong(length: Int, limit: Int)
        /// Neither byte order and no digest size makes a record of the first bytes.
        case unknownFormat
        /// A line of the text form is no record of a template that we know; the reason says why.
        case line(TextProblem)
    }

    /// What is wrong with a line of the text form.
    package enum TextProblem: String, Error, Hashable, Sendable {
        case pcr = "it does not begin with a PCR index"
        case digest = "its template digest is not that of a known hash"
        case column = "its template digest is of another hash than those before"
        case template = "its template is unknown, so that it cannot be encoded"
        case field = "a field is not what its template says"
    }

    /// What was wrong.
    package let code: Code
    /// The record's number; the first of the log that was given has the number that its reader was told.
    package let record: UInt64
    /// Bytes from the start of what was read to the start of the record.
    package let offset: Int

    /// Makes an error at a place.
    package init(_ code: Code, record: UInt64, offset: Int) {
        self.code = code
        self.record = record
        self.offset = offset
    }

    /// What an operator can do.
    package var remedy: String {
        switch code {
        case .truncated: "read the log again, to its end: it was cut inside a record"
        case .recordTooLong, .templateNameTooLong, .legacyNameTooLong:
            "keep these bytes as evidence: no kernel writes such a length, so the log was damaged or forged"
        case .unknownFormat:
            "give a file as the kernel shows it: binary_runtime_measurements or ascii_runtime_measurements"
        case .line: "give the text as the kernel wrote it, or its binary form: binary_runtime_measurements"
        }
    }

    package var description: String {
        "record \(record) at byte \(offset): \(reason)"
    }

    private var reason: String {
        switch code {
        case .truncated(let needed, let left): "the record has at least \(needed) bytes, \(left) are there"
        case .recordTooLong(let length, let limit): "a record of \(length) bytes is over the limit of \(limit)"
        case .templateNameTooLong(let length, let limit):
            "a template name of \(length) bytes, over the limit of \(limit)"
        case .legacyNameTooLong(let length, let limit): "a file name of \(length) bytes, over the limit of \(limit)"
        case .unknownFormat: "these bytes are not the beginning of a measurement log"
        case .line(let problem): problem.rawValue
        }
    }
}
