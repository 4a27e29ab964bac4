import AssayCrypto
import Bytes

/// What ties a quote to one connection of one agent, so that it can't be relayed from another machine.
package enum QuoteBinding {
    private static let label = Array("assay quote v1".utf8)

    /// The qualifying data of a session's quote: SHA-256 over the label, the nonce, the agent's identity, the
    /// attestation key's name and the TLS exporter value, each preceded by its length in four bytes, big-endian.
    ///
    /// - Parameter nonce: 32 bytes of the verifier's.
    /// - Parameter exporter: 32 bytes (RFC 9266, `tls-exporter`).
    package static func qualifyingData(
        nonce: [UInt8], agentID: [UInt8], attestationKeyName: [UInt8], exporter: [UInt8]
    ) -> [UInt8] {
        var writer = ByteWriter()
        for part in [label, nonce, agentID, attestationKeyName, exporter] { writer.sized(by: UInt32.self, part) }
        return PCRBank.sha256.digest(of: writer.bytes).bytes
    }
}
