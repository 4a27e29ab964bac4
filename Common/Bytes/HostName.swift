import Glibc

/// A host as an operator names it: a DNS name or an IP address, and nothing around it.
///
/// Whatever else would be looked up as a DNS name, and written into certificates as one, where nothing ever fits it.
package struct HostName: Hashable, Sendable, LosslessStringConvertible {
    /// What one is, for a message.
    package static let form = "a DNS name or an IP address, without port, scheme or zone"

    /// The name or address; an IPv6 address without brackets.
    package let description: String

    /// This host itself, over IPv4.
    package static let loopback = HostName(known: "127.0.0.1")

    private init(known text: String) {
        description = text
    }

    /// Reads a name or an address; an IPv6 address may stand in brackets, as it does in a URL.
    ///
    /// - Returns: nil for anything else, such as `10.0.0.256`, `10.0.0.1/24`, `fe80::1%eth0` or `-x`.
    package init?(_ text: String) {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]") && text.utf8.count > 2
        let inner = isBracketed ? String(text.dropFirst().dropLast()) : text
        guard Self.isAddress(inner, AF_INET6) || !isBracketed && (Self.isAddress(inner, AF_INET) || Self.isName(inner))
        else { return nil }
        self.init(known: inner)
    }

    /// Followed by a TCP port; an IPv6 address stands in brackets then.
    package func withPort(_ port: Int) -> String { address(description, port) }

    private static func isAddress(_ text: String, _ family: Int32) -> Bool {
        var address = in6_addr()
        return !text.utf8.contains(0) && inet_pton(family, text, &address) == 1
    }

    /// RFC 1123, and the underscore that local names have. A name that ends like a number would be taken for an address.
    private static func isName(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy(isLabel), let last = labels.last.map({ Array($0) }) else { return false }
        let isHexadecimal = last.starts(with: "0x".utf8) || last.starts(with: "0X".utf8)
        return !isHexadecimal && !last.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
            && label.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

/// `HOST:PORT`, an IPv6 address in brackets.
package func address(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
}

/// A host and a TCP port, as `HOST:PORT`; an IPv6 address stands in brackets.
package struct HostAndPort: Hashable, Sendable, LosslessStringConvertible {
    /// What one is, for a message.
    package static let form = "HOST:PORT such as verifier.example.org:7443 or [2001:db8::1]:7443"

    /// The host.
    package let host: HostName
    /// The port, 1 to 65535.
    package let port: UInt16

    /// A host and a port of it.
    package init(host: HostName, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; nil for anything else.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let host = HostName(String(text[..<colon])),
            text.hasPrefix("[") || !host.description.contains(":")
        else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits), port > 0
        else { return nil }
        self.init(host: host, port: port)
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    package var description: String { host.withPort(Int(port)) }
}
