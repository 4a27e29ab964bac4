/// Why a record that could be delimited does not hold what its template says.
///
/// Such a record is hashed from its raw bytes and replayed all the same; only itself is a finding.
package struct MalformedRecord: Error, Hashable, Sendable, CustomStringConvertible {
    /// What does not fit.
    package enum Code: String, Hashable, Sendable {
        case fieldLength = "a field ends behind the record"
        case fieldTooLong = "a field is longer than its limit"
        case trailingBytes = "bytes are left over behind the last field"
        case digestHeader = "a digest does not begin with its algorithm's name, a colon and a NUL"
        case digestType = "the digest is neither of the type ima nor verity"
        case unknownHash = "the digest's algorithm is none that a kernel has"
        case digestSize = "the digest's length is not that of its algorithm"
        case nameEnd = "the name does not end with its one NUL"
        case fixedSize = "a field of a fixed size has another"
        case attributes = "the names, lengths and values of the attributes do not fit each other"
    }

    /// What does not fit.
    package let code: Code
    /// Bytes from the start of what was read to where it stands.
    package let offset: Int

    package var description: String { "\(code.rawValue) (at byte \(offset))" }
}
