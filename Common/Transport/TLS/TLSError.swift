import Bytes
import COpenSSL
import Glibc
package import Messages

/// Why there is no TLS connection, or no longer.
package struct TLSError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// A certificate, key or trust file that libssl doesn't take.
        case configuration
        /// The peer didn't finish the handshake in time.
        case handshakeTimedOut
        /// The peer's certificate doesn't verify: issuer, time, purpose or name.
        case certificateRefused
        /// None of the certificates that the verifier sent is the authority that the token names.
        case otherAuthority
        /// The peer showed no certificate where it must.
        case certificateMissing
        /// The peer's certificate verifies, and says nothing that could be its identity.
        case unidentified
        /// The sides have no ALPN protocol in common.
        case noCommonProtocol
        /// The peer refused with this alert (RFC 8446, 6).
        case alert(UInt8)
        /// The peer closed the socket before the handshake was done.
        case closedInHandshake
        /// The socket ended without close_notify: what came last may be missing.
        case closedWithoutNotify
        /// Anything else that libssl refuses: another version, a damaged record.
        case failed
    }

    /// What went wrong.
    package let code: Code
    /// libssl's words, or ours.
    package let detail: String

    /// An error with its explanation.
    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// How to classify it. Nothing can be sent over this connection any more, but for a peer without an identity.
    package var status: Status {
        switch code {
        case .certificateRefused, .otherAuthority, .certificateMissing, .unidentified, .alert:
            Status(.unauthenticated, description)
        case .handshakeTimedOut: Status(.deadlineExceeded, description)
        case .noCommonProtocol, .configuration: Status(.failedPrecondition, description)
        case .closedInHandshake, .closedWithoutNotify, .failed: Status(.unavailable, description)
        }
    }

    package var description: String { "TLS: \(detail)" + (remedy.map { "; \($0)" } ?? "") }

    /// What an operator can do.
    package var remedy: String? {
        switch code {
        case .configuration: "check the file's path, permissions and PEM content"
        case .certificateRefused: "check the peer's certificate, this side's trust roots and both clocks"
        case .otherAuthority:
            "the token is another verifier's, or somebody stands between the two: have this verifier's operator make a "
                + "new token (assay-verifier invite), and tell them if it happens again"
        case .certificateMissing: "configure the agent's certificate and key, or join first"
        case .unidentified: "give the certificate a subject alternative name: URI:urn:assay:agent:ID or a DNS name"
        // certificate_expired (RFC 8446, 6.2)
        case .alert(45): "this side's certificate has expired; have the host invited again, and join again"
        case .alert: "the peer's log says why it refused"
        case .noCommonProtocol: "both sides must speak ALPN assay/1 (or assay-join/1)"
        case .handshakeTimedOut, .closedInHandshake, .closedWithoutNotify, .failed: nil
        }
    }
}

extension TLSError {
    /// Empties libssl's error queue of this thread into one error. Call right after the call that failed.
    ///
    /// - Parameter code: for what no reason in the queue tells better.
    static func drained(_ code: Code, _ context: String, verifyResult: Int = 0) -> TLSError {
        var reasons: [String] = []
        var code = code
        while case let number = ERR_get_error(), number != 0 {
            if reasons.isEmpty, let known = knownCode(number) { code = known }
            reasons.append(reason(number))
        }
        if code == .certificateRefused, verifyResult == Int(X509_V_ERR_APPLICATION_VERIFICATION) {
            return TLSError(.otherAuthority, "the verifier has another authority than the token names")
        }
        if code == .certificateRefused { reasons = [String(cString: X509_verify_cert_error_string(verifyResult))] }
        return TLSError(code, reasons.isEmpty ? context : "\(context): \(reasons.joined(separator: ", "))")
    }

    /// In words; the system's own errors have their number in the lower bits (openssl/err.h, ERR_SYSTEM_FLAG).
    private static func reason(_ number: UInt) -> String {
        let flag = UInt(1) << 31
        if number & flag != 0 { return String(cString: strerror(Int32(truncatingIfNeeded: number & ~flag))) }
        return ERR_reason_error_string(number).map { String(cString: $0) } ?? "error \(number)"
    }

    private static func knownCode(_ number: UInt) -> Code? {
        guard ERR_GET_LIB(number) == ERR_LIB_SSL else { return nil }
        let reason = ERR_GET_REASON(number)
        switch reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED: return .certificateRefused
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return .certificateMissing
        case SSL_R_NO_APPLICATION_PROTOCOL: return .noCommonProtocol
        // Alert n of the peer has reason 1000 + n (openssl/sslerr.h).
        case SSL_AD_REASON_OFFSET..<(SSL_AD_REASON_OFFSET + 256): return .alert(UInt8(reason - SSL_AD_REASON_OFFSET))
        default: return nil
        }
    }
}
