package import Bytes
internal import Glibc

extension SubjectAlternativeName {
    /// Whether a peer that dials this host takes a certificate with the name for the host's (RFC 9525, 6): the name
    /// itself, in any case, or with its first label in the place of `*`; addresses by their bytes.
    package func covers(_ host: HostName) -> Bool {
        switch (self, SubjectAlternativeName(host: host.description)) {
        case (.dns(let own), .dns(let dialled)):
            let (own, dialled) = (own.lowercased(), dialled.lowercased())
            guard own.hasPrefix("*."), let dot = dialled.firstIndex(of: ".") else { return own == dialled }
            return own.dropFirst() == dialled[dot...]
        case (.ip(let own), .ip(let dialled)): return own == dialled
        default: return false
        }
    }

    /// The host's name or address; nil for a name that is no host's.
    package var host: String? {
        switch self {
        case .dns(let name): return name
        case .ip(let bytes):
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            let family = bytes.count == 4 ? AF_INET : AF_INET6
            guard [4, 16].contains(bytes.count), inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else {
                return nil
            }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        case .uri, .other: return nil
        }
    }
}
