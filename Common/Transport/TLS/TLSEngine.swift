import AssayCrypto
import COpenSSL
import NIOCore

/// One TLS connection without a socket: bytes in, bytes out (libssl's SSL). Confined to one event loop.
///
/// libssl's error queue belongs to the thread, which many connections share: it is emptied before each call, and
/// SSL_get_error is asked right after it, before anything else can run.
final class TLSEngine {
    /// How far reading came.
    enum ReadOutcome: Hashable {
        /// Everything that came was read.
        case needsMoreBytes
        /// The peer's close_notify: nothing follows.
        case closedByPeer
    }

    /// What the handshake established, as libssl tells it.
    struct Session: Hashable, Sendable {
        /// The negotiated protocol; nil if none was, or another than ours.
        let applicationProtocol: ApplicationProtocol?
        /// The peer's certificate in DER, verified.
        let certificate: [UInt8]?
        /// RFC 9266's channel binding, 32 bytes, the same on both sides of this connection only.
        let exporter: [UInt8]
    }

    private let context: TLSContext
    private let bytes = ByteBufferBIO()
    let ssl: OpaquePointer

    /// - Parameter serverName: on the dialing side, the DNS name or IP address that the server's certificate must
    ///   have as a subject alternative name.
    init(context: TLSContext, serverName: String?) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = SSL_new(context.pointer) else { throw .drained(.configuration, "libssl has no connection") }
        self.context = context
        self.ssl = ssl
        guard let bio = bytes.makeBIO() else { throw .drained(.configuration, "libssl has no BIO") }
        SSL_set_bio(ssl, bio, bio)
        if context.isServer { SSL_set_accept_state(ssl) } else { SSL_set_connect_state(ssl) }
        if let serverName { try expect(serverName) }
    }

    deinit {
        SSL_free(ssl)  // frees the BIO, before the buffers that it points to
    }

    private func expect(_ name: String) throws(TLSError) {
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        guard !name.isEmpty, !name.utf8.contains(0), SSL_set1_host(ssl, name) == 1 else {
            throw .drained(.configuration, "server name \(name)")
        }
        // Server Name Indication is for DNS names alone (RFC 6066, 3).
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        guard isAddress || assay_ssl_set_server_name(ssl, name) == 1 else {
            throw .drained(.configuration, "server name \(name)")
        }
    }

    /// Takes bytes from the network.
    func receive(_ bytes: ByteBuffer) { self.bytes.receive(bytes) }

    /// Gives what must go to the network now, also after an error: alerts are among it.
    func takeOutput() -> ByteBuffer? { bytes.takeOutput() }

    /// Goes on with the handshake.
    ///
    /// - Returns: whether it is finished; if not, it needs bytes from the peer.
    func handshake() throws(TLSError) -> Bool {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return true }
        guard SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ else {
            throw .drained(.failed, "handshake failed", verifyResult: SSL_get_verify_result(ssl))
        }
        return false
    }

    /// Decrypts all that came into `plaintext`.
    func read(into plaintext: inout ByteBuffer) throws(TLSError) -> ReadOutcome {
        // What came is never shorter than what it decrypts to; the rest is for asking whether there is more.
        plaintext.reserveCapacity(minimumWritableBytes: bytes.inboundCount + 1024)
        while true {
            ERR_clear_error()
            var count = 0
            var reason = SSL_ERROR_NONE
            plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 1024) { space in
                let result = SSL_read_ex(ssl, space.baseAddress, space.count, &count)
                reason = SSL_get_error(ssl, result)
                return count
            }
            switch reason {
            case SSL_ERROR_NONE: continue
            case SSL_ERROR_WANT_READ: return .needsMoreBytes
            case SSL_ERROR_ZERO_RETURN: return .closedByPeer
            default: throw .drained(.failed, "reading failed")
            }
        }
    }

    /// Encrypts bytes into the output.
    func write(_ plaintext: ByteBuffer) throws(TLSError) {
        let length = plaintext.readableBytes
        guard length > 0 else { return }
        // A record holds 16 KiB and adds 22 bytes (RFC 8446, 5.2): 5 of header, 1 of type, 16 of tag.
        bytes.reserveOutput(length + (length / 16_384 + 1) * 22)
        ERR_clear_error()
        var written = 0
        let reason = plaintext.withUnsafeReadableBytes { bytes in
            SSL_get_error(ssl, SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &written))
        }
        guard reason == SSL_ERROR_NONE, written == length else { throw .drained(.failed, "writing failed") }
    }

    /// Puts close_notify into the output: this side sends nothing more.
    func shutdown() {
        ERR_clear_error()
        SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// What the finished handshake established.
    func session() throws(TLSError) -> Session {
        Session(
            applicationProtocol: selectedProtocol, certificate: try peerCertificate(), exporter: try exporter())
    }

    private var selectedProtocol: ApplicationProtocol? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        return ApplicationProtocol(name: UnsafeBufferPointer(start: name, count: Int(count)))
    }

    private func peerCertificate() throws(TLSError) -> [UInt8]? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &encoded)
        defer { CRYPTO_free(encoded, #file, #line) }
        guard count > 0, encoded != nil, SSL_get_verify_result(ssl) == X509_V_OK else {
            throw .drained(.certificateRefused, "peer's certificate", verifyResult: SSL_get_verify_result(ssl))
        }
        return Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
    }

    private func exporter() throws(TLSError) -> [UInt8] {
        ERR_clear_error()
        let label = "EXPORTER-Channel-Binding"  // RFC 9266, 4.2: with an empty context
        var value = [UInt8](repeating: 0, count: 32)
        guard SSL_export_keying_material(ssl, &value, value.count, label, label.utf8.count, nil, 0, 0) == 1 else {
            throw .drained(.failed, "no exporter value")
        }
        return value
    }
}
