package import Files

/// Why the verifier can't issue or invite: what was wrong, and what the operator can do.
package struct EnrolmentError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// The authority's or the invitations' key can't be used.
        case keyUnusable
        /// A certificate's file can't be used.
        case certificateUnusable
        /// A file can't be read or written, for the system's reason.
        case file(errno: Int32)
        /// Something is there already that would have to be overwritten.
        case alreadyThere
        /// A request that an agent sent is none that a certificate can be issued for.
        case badRequest
    }

    /// What went wrong.
    package let code: Code
    /// What was wrong, and where.
    package let detail: String

    /// An error.
    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// A file that can't be read or written.
    package init(_ error: FileError) {
        self.init(.file(errno: error.errno), "\(error.attempt): \(error.reason)")
    }

    /// What the operator can do.
    package var remedy: String {
        switch code {
        case .keyUnusable, .certificateUnusable:
            "check ca.* and tls.* in the configuration, or restore the file from where you keep it"
        case .file(let errno): FileError.remedy(for: errno)
        case .alreadyThere: "to begin anew, move it away first; to add a host, use `assay-verifier invite`"
        case .badRequest: "install the verifier's release on the host"
        }
    }

    package var description: String { "\(detail); \(remedy)" }
}
