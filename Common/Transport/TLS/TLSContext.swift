import COpenSSL

/// A side's certificate, key and trust, read from PEM files once and shared by all of its connections (libssl's
/// SSL_CTX).
///
/// TLS 1.3 or newer. No session tickets: a resumed handshake would skip the check of the peer's certificate.
///
/// `@unchecked Sendable`: the SSL_CTX is only changed in the initialisers; libssl counts references to it atomically
/// and lets any thread make connections of it. `protocols` and `alpn` are constants.
package final class TLSContext: @unchecked Sendable {
    /// A certificate chain, the own first, and its private key, in PEM files without a passphrase.
    package struct Credentials: Hashable, Sendable {
        /// Path of the chain.
        package var certificateChainFile: String
        /// Path of the private key.
        package var privateKeyFile: String

        /// Names both files.
        package init(certificateChainFile: String, privateKeyFile: String) {
            self.certificateChainFile = certificateChainFile
            self.privateKeyFile = privateKeyFile
        }
    }

    /// What the side offers or accepts, by preference.
    let protocols: [ApplicationProtocol]
    /// Whether this is the accepting side.
    let isServer: Bool
    /// Never changed once an initialiser has returned.
    let pointer: OpaquePointer
    /// `protocols` in wire format, for as long as a handshake may point into it.
    private let alpn: UnsafeMutableBufferPointer<UInt8>

    /// The accepting side. On `assay/1` it refuses a peer without a certificate; on `assay-join/1` it asks for none.
    ///
    /// - Parameter trustRootsFile: PEM certificates of the authorities that issue the agents' certificates.
    package static func server(
        credentials: Credentials, trustRootsFile: String, protocols: [ApplicationProtocol] = [.attest]
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(TLS_server_method(), isServer: true, protocols: protocols)
        try context.use(credentials)
        try context.trust(trustRootsFile)
        SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        let owner = Unmanaged.passUnretained(context).toOpaque()
        SSL_CTX_set_alpn_select_cb(context.pointer, selectProtocol, owner)
        return context
    }

    /// The dialing side, which speaks one protocol. It always checks the server's certificate.
    ///
    /// - Parameters:
    ///   - credentials: nil for `assay-join/1`.
    ///   - trustRootsFile: PEM certificates of the authorities that issue the servers' certificates.
    package static func client(
        credentials: Credentials?, trustRootsFile: String, protocol: ApplicationProtocol = .attest
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(TLS_client_method(), isServer: false, protocols: [`protocol`])
        if let credentials { try context.use(credentials) }
        try context.trust(trustRootsFile)
        SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
        // Unlike its siblings this one returns 0 for success.
        guard SSL_CTX_set_alpn_protos(context.pointer, context.alpn.baseAddress, UInt32(context.alpn.count)) == 0 else {
            throw .drained(.configuration, "ALPN list refused")
        }
        return context
    }

    /// The dialing side towards a web server, without a certificate and without ALPN (HTTP/1.1). It always checks the
    /// server's certificate.
    ///
    /// - Parameter trustRootsFile: PEM certificates of authorities; nil for those that the system trusts.
    package static func web(trustRootsFile: String?) throws(TLSError) -> TLSContext {
        let context = try TLSContext(TLS_client_method(), isServer: false, protocols: [])
        if let trustRootsFile {
            try context.trust(trustRootsFile)
        } else {
            guard SSL_CTX_set_default_verify_paths(context.pointer) == 1 else {
                throw .drained(.configuration, "the system's trust roots")
            }
        }
        SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
        return context
    }

    private init(
        _ method: OpaquePointer?, isServer: Bool, protocols: [ApplicationProtocol]
    ) throws(TLSError) {
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(method) else { throw .drained(.configuration, "libssl has no context") }
        let names = ApplicationProtocol.wireFormat(protocols)
        self.pointer = pointer
        self.protocols = protocols
        self.isServer = isServer
        alpn = .allocate(capacity: names.count)
        _ = alpn.initialize(from: names)
        guard assay_ssl_ctx_at_least_tls13(pointer) == 1 else {
            throw .drained(.configuration, "libssl has no TLS 1.3")
        }
        assay_ssl_ctx_release_buffers(pointer)
        assay_ssl_ctx_no_resumption(pointer)
        // libssl's own callback would ask on the terminal.
        SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }
    }

    deinit {
        SSL_CTX_free(pointer)
        alpn.deallocate()
    }

    private func use(_ credentials: Credentials) throws(TLSError) {
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(pointer, credentials.certificateChainFile) == 1 else {
            throw .drained(.configuration, "certificate chain \(credentials.certificateChainFile)")
        }
        guard SSL_CTX_use_PrivateKey_file(pointer, credentials.privateKeyFile, SSL_FILETYPE_PEM) == 1 else {
            throw .drained(.configuration, "private key \(credentials.privateKeyFile)")
        }
        guard SSL_CTX_check_private_key(pointer) == 1 else {
            throw .drained(.configuration, "private key \(credentials.privateKeyFile) is another certificate's")
        }
    }

    private func trust(_ file: String) throws(TLSError) {
        ERR_clear_error()
        guard SSL_CTX_load_verify_file(pointer, file) == 1 else {
            throw .drained(.configuration, "trust roots \(file)")
        }
    }

    /// libssl asks this while it reads a ClientHello with ALPN, before it decides on a certificate request. Without
    /// ALPN it isn't asked, and the context's strict verification stays.
    private static let selectProtocol: SSL_CTX_alpn_select_cb_func = {
        ssl, selected, selectedCount, offered, count, owner in
        guard let owner else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let context = Unmanaged<TLSContext>.fromOpaque(owner).takeUnretainedValue()
        var choice: UnsafeMutablePointer<UInt8>?
        let result = SSL_select_next_proto(
            &choice, selectedCount, context.alpn.baseAddress, UInt32(context.alpn.count), offered, count)
        guard result == OPENSSL_NPN_NEGOTIATED, let choice, let selectedCount else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        selected?.pointee = UnsafePointer(choice)
        let name = UnsafeBufferPointer(start: choice, count: Int(selectedCount.pointee))
        if ApplicationProtocol(name: name) == .join { SSL_set_verify(ssl, SSL_VERIFY_NONE, nil) }
        return SSL_TLSEXT_ERR_OK
    }
}
