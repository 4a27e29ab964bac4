import Glibc
package import NIOCore

/// Told, on an event loop and as often as it happens, that a listener has no room.
package typealias CrowdingReport = @Sendable (Crowding) -> Void

/// Why a listener lets connections wait, or closes those whose peers haven't proved who they are.
package enum Crowding: Hashable, Sendable, CustomStringConvertible {
    /// There are too many of the latter.
    case strangers
    /// One source has too many of them.
    case source(PeerSource)
    /// There are as many connections of whatever kind as there may be.
    case connections(Int)
    /// The operating system has no descriptor, or no memory, for one more.
    case descriptors

    /// What the limit is on: a short word, such as for a metric's label.
    package var limit: String {
        switch self {
        case .strangers: "strangers"
        case .source: "source"
        case .connections: "connections"
        case .descriptors: "descriptors"
        }
    }

    /// The words for all limits.
    package static let limits = ["strangers", "source", "connections", "descriptors"]

    /// A sentence for the operator, with the next step.
    package var description: String {
        switch self {
        case .strangers:
            "too many connections whose peers haven't proved who they are: the oldest are closed; if no fleet is coming "
                + "back, keep strangers away from the port (firewall)"
        case .source(let source):
            "too many connections from \(source) whose peers haven't proved who they are: its oldest are closed; if no "
                + "fleet is coming back from there, keep it away from the port (firewall)"
        case .connections(let count):
            "all of \(count) connections are taken: more wait until others leave; raise the limit of open files "
                + "(LimitNOFILE= of the unit, ulimit -n), or serve some agents by another verifier"
        case .descriptors:
            "the system has no descriptor or no memory for one more connection: connections wait; raise the limit "
                + "(LimitNOFILE= of the unit, ulimit -n)"
        }
    }
}

/// Where connections come from, as one owner's: an IPv4 address, or an IPv6 network of 64 bits, for whoever has one
/// address of it has all.
package struct PeerSource: Hashable, Sendable, CustomStringConvertible {
    /// Four bytes of an IPv4 address, eight of an IPv6 network; empty for what has neither.
    private let bytes: [UInt8]

    /// The source of an address; one of an IPv4 host on an IPv6 socket (`::ffff:192.0.2.1`) is the IPv4 address.
    package init(_ address: SocketAddress?) {
        let text = address?.ipAddress?.prefix { $0 != "%" } ?? ""  // without the zone of a link-local address
        var address = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, String(text), &address) == 1 {
            bytes = Array(address.prefix(4))
        } else if inet_pton(AF_INET6, String(text), &address) == 1 {
            let isMapped = address.prefix(12).elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
            bytes = Array(isMapped ? address.suffix(4) : address.prefix(8))
        } else {
            bytes = []
        }
    }

    /// Such as `192.0.2.1` or `2001:db8:1:2::/64`.
    package var description: String {
        switch bytes.count {
        case 4: bytes.map { "\($0)" }.joined(separator: ".")
        case 8:
            stride(from: 0, to: 8, by: 2).map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
                .joined(separator: ":") + "::/64"
        default: "an unknown address"
        }
    }
}
