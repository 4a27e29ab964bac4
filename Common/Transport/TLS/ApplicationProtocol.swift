/// What is spoken inside TLS, as ALPN (RFC 7301) names it.
package enum ApplicationProtocol: String, CaseIterable, Hashable, Sendable {
    /// Attestation: both sides have certificates.
    case attest = "assay/1"
    /// Enrolment: the agent has no certificate yet.
    case join = "assay-join/1"

    /// A list as it stands in a ClientHello: each name behind its length.
    static func wireFormat(_ protocols: [Self]) -> [UInt8] {
        protocols.flatMap { [UInt8(clamping: $0.rawValue.utf8.count)] + Array($0.rawValue.utf8) }
    }

    /// The protocol with this name.
    init?(name: some Collection<UInt8>) {
        guard let known = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name) }) else { return nil }
        self = known
    }
}
