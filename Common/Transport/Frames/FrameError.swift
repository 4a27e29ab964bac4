package import Messages

/// A frame that is refused.
package enum FrameError: Error, Hashable, CustomStringConvertible {
    /// The first byte isn't 0: flags belong to versions that this one doesn't speak.
    case flags(UInt8)
    /// The length field is over the limit that holds now; nothing was allocated for it.
    case tooLong(length: Int, limit: Int)
    /// The peer closed inside a frame.
    case truncated(needed: Int, received: Int)

    /// What to answer.
    package var status: Status {
        switch self {
        case .flags, .truncated: Status(.invalidArgument, description)
        case .tooLong: Status(.resourceExhausted, description)
        }
    }

    package var description: String {
        switch self {
        case .flags(let flags): "frame with flags \(flags): only 0 is defined"
        case .tooLong(let length, let limit): "frame of \(length) bytes: at most \(limit) are accepted now"
        case .truncated(let needed, let received):
            "the peer closed the connection inside a frame: \(received) of \(needed) bytes arrived"
        }
    }
}
