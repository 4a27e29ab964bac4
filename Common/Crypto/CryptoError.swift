/// Why libcrypto refused: what was attempted, and libcrypto's own words.
package struct CryptoError: Error, Hashable, CustomStringConvertible {
    /// Whose fault it is.
    package enum Code: Hashable, Sendable {
        /// This libcrypto lacks the algorithm.
        case unavailable
        /// The bytes are not what they should be.
        case malformed
        /// The bytes are well-formed, but name a kind of key that Assay does not handle.
        case unsupported
        /// libcrypto failed for a reason of its own (memory, entropy).
        case failed
    }

    /// Whose fault it is.
    package let code: Code
    /// What was attempted, then the text of libcrypto's error queue.
    package let detail: String

    package var description: String { detail }

    /// Takes this thread's error queue, which is empty afterwards.
    ///
    /// - Parameter attempt: what was attempted, such as "read a certificate".
    package init(_ code: Code, _ attempt: String) {
        self.code = code
        let reasons = ErrorQueue.drain().map(\.reason).joined(separator: ", ")
        detail = reasons.isEmpty ? attempt : "\(attempt): \(reasons)"
    }
}
