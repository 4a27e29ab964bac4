import Bytes
import Glibc
package import Messages
import NIOCore
import NIOPosix

/// Why a connection failed: the only error that leaves this module's connections.
package enum TransportError: Error, Hashable, CustomStringConvertible {
    /// The handshake, a certificate, or a damaged TLS stream. Nothing can be sent any more.
    case tls(TLSError)
    /// The peer's frame is refused. A Status can still be sent.
    case frame(FrameError)
    /// The peer's message is refused, or our own is too large to send. A Status can still be sent.
    case message(MessageError)
    /// The peer was too slow. A Status can still be sent.
    case deadlineExceeded(DeadlineExceeded)
    /// The connection is closed already. What the peer sent before is still received.
    case closed
    /// The task that waited was cancelled; the connection is as it was.
    case cancelled
    /// A host's name leads to no address, for the resolver's reason.
    case noAddress(host: String, reason: String)
    /// No connection, or the operating system broke it.
    case io(String)

    /// What to tell the peer, if it can still be told, and how to classify the failure.
    package var status: Status {
        switch self {
        case .tls(let error): error.status
        case .frame(let error): error.status
        case .message(let error): error.status
        case .deadlineExceeded(let error): Status(.deadlineExceeded, error.description)
        case .closed: Status(.unavailable, description)
        case .cancelled: Status(.cancelled, description)
        case .noAddress, .io: Status(.unavailable, description)
        }
    }

    /// What an operator can do, where the error itself tells.
    package var remedy: String? {
        switch self {
        case .tls(let error): error.remedy
        case .noAddress(let host, _):
            "check the name, and whether this host's DNS knows it: getent hosts \(shellQuoted(host.utf8))"
        case .frame, .message, .deadlineExceeded, .closed, .cancelled, .io: nil
        }
    }

    package var description: String {
        switch self {
        case .tls(let error): error.description
        case .frame(let error): error.description
        case .message(let error): error.description
        case .deadlineExceeded(let error): error.description
        case .closed: "the connection is closed"
        case .cancelled: "cancelled while waiting for the peer"
        case .noAddress(let host, let reason): "\(host) has no address: \(reason)"
        case .io(let detail): "connection failed: \(detail)"
        }
    }
}

/// The peer did not do in time what it had to.
package struct DeadlineExceeded: Error, Hashable, CustomStringConvertible {
    /// What was awaited, such as `Evidence`.
    package let awaited: String
    /// How long it was waited for.
    package let waited: Duration

    /// A deadline that passed.
    package init(awaited: String, waited: Duration) {
        self.awaited = awaited
        self.waited = waited
    }

    package var description: String { "no \(awaited) within \(waited)" }
}

extension TransportError {
    /// Any error of the channel, in this module's words.
    init(_ error: any Error) {
        switch error {
        case let error as TransportError: self = error
        case let error as TLSError: self = .tls(error)
        case let error as MessageError: self = .message(error)
        case let error as ChannelError where error == .ioOnClosedChannel || error == .alreadyClosed: self = .closed
        case let error as NIOConnectionError:
            // One failure for each address of the host; the first is the one it prefers.
            let cause = error.connectionErrors.first?.error ?? error.dnsAError ?? error.dnsAAAAError
            self = cause.map(Self.init) ?? .io("\(error.host):\(error.port)")
        case is CancellationError: self = .cancelled
        // The library's own text has the call and its arguments.
        case let error as SocketAddressError.UnknownHost:
            self = .noAddress(host: error.host, reason: "\(error.errorDescription)")
        case let error as IOError: self = .io(String(cString: strerror(error.errnoCode)))
        default: self = .io(String(describing: error))
        }
    }
}
