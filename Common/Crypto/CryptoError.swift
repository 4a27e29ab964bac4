internal import COpenSSL

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
        let reasons = Self.drainQueue()
        detail = reasons.isEmpty ? attempt : "\(attempt): \(reasons)"
    }

    /// The queue is each thread's own: whatever is left in it would be blamed on the next call.
    private static func drainQueue() -> String {
        var reasons: [String] = []
        while case let code = ERR_get_error(), code != 0 {
            if let reason = ERR_reason_error_string(code) {
                reasons.append(String(cString: reason))
            } else {
                // The system's own: an error number below the flag (ERR_SYSTEM_FLAG of openssl/err.h).
                reasons.append(String(cString: strerror(Int32(truncatingIfNeeded: code & 0x7fff_ffff))))
            }
        }
        return reasons.joined(separator: ", ")
    }
}
