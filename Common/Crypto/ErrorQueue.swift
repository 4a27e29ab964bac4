internal import COpenSSL
internal import Glibc

/// The calling thread's queue of OpenSSL's errors. Whatever is left in it would be blamed on the next call.
package enum ErrorQueue {
    /// One of them.
    package struct Entry: Hashable, Sendable {
        /// OpenSSL's number, which has library and reason in it.
        package let number: UInt
        /// In words.
        package let reason: String
    }

    /// Empties the queue, the first error first. What tells nothing is left out: a reason that stands there before, and
    /// one that only names the library through which another came, such as `system lib`.
    package static func drain() -> [Entry] {
        var entries: [Entry] = []
        while case let number = ERR_get_error(), number != 0 {
            let entry = Entry(number: UInt(number), reason: reason(number))
            let isTold = entries.contains { $0.reason == entry.reason }
            if !isTold, entries.isEmpty || !entry.reason.hasSuffix(" lib") { entries.append(entry) }
        }
        return entries
    }

    /// The system's own errors have their number in the lower bits (openssl/err.h, ERR_SYSTEM_FLAG).
    private static func reason(_ number: UInt) -> String {
        let flag = UInt(1) << 31
        if number & flag != 0 { return String(cString: strerror(Int32(truncatingIfNeeded: number & ~flag))) }
        return ERR_reason_error_string(number).map { String(cString: $0) } ?? "error \(number)"
    }
}
