package import AssayCrypto
import COpenSSL
import Files
import Glibc

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
    /// On the dialing side without trust files: SHA-256 of the only authority that is trusted.
    let pinnedAuthority: Digest?
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
        try context.offerProtocols()
        return context
    }

    /// The dialing side of `assay-join/1`, which has neither a certificate nor trust files: it trusts the authority with
    /// this fingerprint, which the server must send along with its own certificate. All else is checked as ever.
    ///
    /// - Parameter authority: SHA-256 of the authority's certificate.
    package static func joining(authority: Digest) throws(TLSError) -> TLSContext {
        let context = try TLSContext(
            TLS_client_method(), isServer: false, protocols: [.join], pinnedAuthority: authority)
        SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
        let owner = Unmanaged.passUnretained(context).toOpaque()
        SSL_CTX_set_cert_verify_callback(context.pointer, verifyPinned, owner)
        try context.offerProtocols()
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
        _ method: OpaquePointer?, isServer: Bool, protocols: [ApplicationProtocol], pinnedAuthority: Digest? = nil
    ) throws(TLSError) {
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(method) else { throw .drained(.configuration, "libssl has no context") }
        let names = ApplicationProtocol.wireFormat(protocols)
        self.pointer = pointer
        self.protocols = protocols
        self.isServer = isServer
        self.pinnedAuthority = pinnedAuthority
        alpn = .allocate(capacity: names.count)
        _ = alpn.initialize(from: names)
        guard assay_ssl_ctx_at_least_tls13(pointer) == 1 else {
            throw .drained(.configuration, "libssl has no TLS 1.3")
        }
        try useGroups()
        assay_ssl_ctx_release_buffers(pointer)
        assay_ssl_ctx_no_resumption(pointer)
        // libssl's own callback would ask on the terminal.
        SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }
    }

    deinit {
        SSL_CTX_free(pointer)
        alpn.deallocate()
    }

    /// The groups of the key exchange, the longest list that this libssl knows. The asterisks are OpenSSL 3.5's: a share
    /// of both groups is offered at once, so that a peer without the first one needs no second turn.
    private static let groups = ["*X25519MLKEM768:*X25519:P-256:P-384", "X25519:P-256:P-384"]

    /// No finite-field group: one ClientHello, recorded and replayed, would cost the server a tenth of a second.
    private func useGroups() throws(TLSError) {
        guard Self.groups.contains(where: { assay_ssl_ctx_set_groups(pointer, $0) == 1 }) else {
            throw .drained(.configuration, "libssl has none of the groups X25519, P-256 and P-384")
        }
        ERR_clear_error()
    }

    private func offerProtocols() throws(TLSError) {
        // Unlike its siblings this one returns 0 for success.
        guard SSL_CTX_set_alpn_protos(pointer, alpn.baseAddress, UInt32(alpn.count)) == 0 else {
            throw .drained(.configuration, "ALPN list refused")
        }
    }

    private func use(_ credentials: Credentials) throws(TLSError) {
        try read("certificate chain", credentials.certificateChainFile) {
            SSL_CTX_use_certificate_chain_file(pointer, $0)
        }
        try read("private key", credentials.privateKeyFile) {
            SSL_CTX_use_PrivateKey_file(pointer, $0, SSL_FILETYPE_PEM)
        }
        guard SSL_CTX_check_private_key(pointer) == 1 else {
            throw .drained(.configuration, "private key \(credentials.privateKeyFile) is another certificate's")
        }
    }

    private func trust(_ file: String) throws(TLSError) {
        try read("trust roots", file) { SSL_CTX_load_verify_file(pointer, $0) }
    }

    /// Has libssl read a file that is open already: root follows no link of another user's.
    ///
    /// - Parameter use: gets a path that leads to the open file; returns 1, or what libssl returns if it fails.
    private func read(_ what: String, _ file: String, _ use: (_ path: String) -> Int32) throws(TLSError) {
        let descriptor: Int32
        do throws(FileError) {
            descriptor = try openFile(at: file, O_RDONLY, followsLast: true)
        } catch {
            throw TLSError(.file(errno: error.errno), "\(what) \(file): \(error.reason)")
        }
        defer { close(descriptor) }
        ERR_clear_error()
        guard use("/proc/self/fd/\(descriptor)") == 1 else { throw .drained(.configuration, "\(what) \(file)") }
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

    /// libssl asks this in place of its own verification, which runs here with the pinned authority as its only root.
    private static let verifyPinned: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = {
        verification, owner in
        guard let verification, let owner else { return 0 }
        let context = Unmanaged<TLSContext>.fromOpaque(owner).takeUnretainedValue()
        guard let pinned = context.pinnedAuthority,
            let root = sent(by: verification).first(where: { sha256(of: $0) == pinned }),
            let roots = OPENSSL_sk_new_null()
        else {
            X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION)
            return 0
        }
        defer { OPENSSL_sk_free(roots) }
        OPENSSL_sk_push(roots, UnsafeRawPointer(root))
        X509_STORE_CTX_set0_trusted_stack(verification, roots)
        return X509_verify_cert(verification)
    }

    /// The certificates that the peer sent, each an `X509 *`.
    private static func sent(by verification: OpaquePointer) -> [OpaquePointer] {
        guard let chain = X509_STORE_CTX_get0_untrusted(verification) else { return [] }
        return (0..<max(0, OPENSSL_sk_num(chain))).compactMap { index in
            OPENSSL_sk_value(chain, index).map { OpaquePointer($0) }
        }
    }

    private static func sha256(of certificate: OpaquePointer) -> Digest? {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        guard X509_digest(certificate, EVP_sha256(), &bytes, &count) == 1 else { return nil }
        return Digest(Array(bytes.prefix(Int(count))))
    }
}
