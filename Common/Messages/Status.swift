/// Ends a connection, or refuses what was asked.
package struct Status: Hashable, Sendable, Error, CustomStringConvertible {
    /// gRPC's codes, by name and number.
    package enum Code: UInt32, CaseIterable, Hashable, Sendable {
        case ok = 0
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case internalError = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16

        /// The name as gRPC writes it, such as `INVALID_ARGUMENT`.
        package var name: String {
            switch self {
            case .ok: "OK"
            case .cancelled: "CANCELLED"
            case .unknown: "UNKNOWN"
            case .invalidArgument: "INVALID_ARGUMENT"
            case .deadlineExceeded: "DEADLINE_EXCEEDED"
            case .notFound: "NOT_FOUND"
            case .alreadyExists: "ALREADY_EXISTS"
            case .permissionDenied: "PERMISSION_DENIED"
            case .resourceExhausted: "RESOURCE_EXHAUSTED"
            case .failedPrecondition: "FAILED_PRECONDITION"
            case .aborted: "ABORTED"
            case .outOfRange: "OUT_OF_RANGE"
            case .unimplemented: "UNIMPLEMENTED"
            case .internalError: "INTERNAL"
            case .unavailable: "UNAVAILABLE"
            case .dataLoss: "DATA_LOSS"
            case .unauthenticated: "UNAUTHENTICATED"
            }
        }
    }

    package var code: Code
    /// A sentence for the peer's operator: what was wrong, where, what to do. A peer's is escaped and at most 1 KiB long.
    package var message: String
    package var retryAfterSeconds: UInt32
    package var round: UInt64

    /// A status with its sentence.
    package init(_ code: Code, _ message: String, retryAfterSeconds: UInt32 = 0, round: UInt64 = 0) {
        self.code = code
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
        self.round = round
    }

    package var description: String { "\(code.name): \(message)" }
}
