import COpenSSL
package import NIOCore

/// TLS towards a web server, as a client without a certificate: for what Assay tells others over HTTPS.
package enum WebTLS {
    /// Puts TLS into a channel that is being set up, and begins the handshake when it is connected. Call on its event
    /// loop.
    ///
    /// - Parameter serverName: what the server's certificate must name: a DNS name or an IP address.
    /// - Returns: when the server's certificate is verified, and bytes may be written; else a ``TransportError``, and the
    ///   channel closes.
    package static func begin(
        on channel: any Channel, context: TLSContext, serverName: String, limits: TransportLimits = TransportLimits()
    ) throws -> EventLoopFuture<Void> {
        let established = channel.eventLoop.makePromise(of: TLSEngine.Session.self)
        do {
            let tls = try TLSHandler(context: context, serverName: serverName, limits: limits, established: established)
            try channel.pipeline.syncOperations.addHandler(tls)
        } catch {
            established.fail(error)
            throw error
        }
        return established.futureResult.map { _ in }
    }
}
