package import AssayCrypto
import Bytes

/// Who is at the other end of an established connection.
package struct PeerInfo: Hashable, Sendable {
    /// What was negotiated.
    package let applicationProtocol: ApplicationProtocol
    /// The peer's identity; nil for an agent on `assay-join/1`, and for a verifier that only addresses name: the dialing
    /// side has compared the name that it dialed.
    package let identity: PeerIdentity?
    /// The peer's certificate, verified against the trust roots; nil only for an agent on `assay-join/1`.
    package let certificate: Certificate?
    /// The channel binding of RFC 9266: 32 bytes, known to both ends of this connection alone.
    package let exporter: [UInt8]
    /// The peer's address, such as `192.0.2.1:40112`, for log lines.
    package let address: String

    /// Judges what the handshake established; fails closed.
    init(_ session: TLSEngine.Session, of context: TLSContext, address: String) throws(TLSError) {
        guard let applicationProtocol = session.applicationProtocol, context.protocols.contains(applicationProtocol)
        else { throw TLSError(.noCommonProtocol, "the peer named no protocol that this side speaks") }
        self.applicationProtocol = applicationProtocol
        self.exporter = session.exporter
        self.address = address
        guard let der = session.certificate else {
            guard context.isServer, applicationProtocol == .join else {
                throw TLSError(.certificateMissing, "the peer has no certificate")
            }
            certificate = nil
            identity = nil
            return
        }
        do {
            let certificate = try Certificate(der: der)
            self.certificate = certificate
            let names = certificate.subjectAlternativeNames
            identity = context.isServer ? try PeerIdentity(names) : try? PeerIdentity(names)
        } catch let error as TLSError {
            throw error
        } catch {
            throw TLSError(.unidentified, "the peer's certificate can't be read: \(error)")
        }
    }
}

/// An agent's or verifier's name, as its certificate says it.
///
/// The rule: the first subject alternative name of the form `URI:urn:assay:agent:ID` gives ID, byte for byte, without
/// percent-decoding; else the first DNS name, in lower case, that isn't a wildcard; else there is no identity and the
/// certificate is refused. An identity has 1 to 255 bytes of printable ASCII without space.
package struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
    /// What stands before the identity in a URI.
    package static let uriPrefix = "urn:assay:agent:"

    /// The identity's bytes, to be compared with an id inside a message.
    package let bytes: [UInt8]

    /// Reads the identity from a certificate's names.
    package init(_ names: [SubjectAlternativeName]) throws(TLSError) {
        let uris = names.lazy.compactMap { name -> [UInt8]? in
            guard case .uri(let uri) = name, uri.utf8.starts(with: Self.uriPrefix.utf8) else { return nil }
            return Array(uri.utf8.dropFirst(Self.uriPrefix.utf8.count))
        }
        let hosts = names.lazy.compactMap { name -> [UInt8]? in
            guard case .dns(let host) = name, !host.utf8.contains(UInt8(ascii: "*")) else { return nil }
            return host.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        }
        guard let bytes = uris.first ?? hosts.first else {
            throw TLSError(.unidentified, "the peer's certificate names no identity")
        }
        guard (1...255).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw TLSError(.unidentified, "the peer's certificate names an identity that isn't one: \(escaped(bytes))")
        }
        self.bytes = bytes
    }

    /// The identity, escaped for a terminal or a log line.
    package var description: String { escaped(bytes) }
}
