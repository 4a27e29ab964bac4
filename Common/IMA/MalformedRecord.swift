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
        case nameTooLong = "the name is longer than any path, which has 4,095 bytes at most"
        case fixedSize = "a field of a fixed size has another"
        case attributes = "the names, lengths and values of the attributes do not fit each other"
        case signature = "a signature's field holds what is none"
        case appendedSignature = "the appended signature and the digest without it do not fit each other"
        case emptyBuffer = "there is no buffer"
        case bufferOfFile = "a file's record holds a buffer"
        case swapped = "the digest could be a name, and the name a digest"
    }

    /// What does not fit.
    package let code: Code
    /// Bytes from the start of what was read to where it stands.
    package let offset: Int

    package var description: String { "\(code.rawValue) (at byte \(offset))" }
}
