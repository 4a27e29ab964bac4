internal import Files

/// Why there is no appraisal at all: nothing that a log or a quote says, but what the command stands on.
package enum OfflineError: Error, Hashable, CustomStringConvertible {
    /// The options don't go together, or a value is not what its option takes.
    case usage(String)
    /// A file can't be read, written, or taken for what it was given as.
    case file(path: String, problem: String)

    /// A file can't be read or written, for the system's reason.
    static func system(_ path: String, _ errno: Int32) -> OfflineError {
        let error = FileError(path, errno: errno)
        return .file(path: path, problem: "\(error.reason); \(error.remedy)")
    }

    /// One line for people.
    package var description: String {
        switch self {
        case .usage(let text): text
        case .file(let path, let problem): "\(path): \(problem)"
        }
    }
}
