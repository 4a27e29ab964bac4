import AssayCrypto
import Bytes
import COpenSSL
import Files
import Glibc
package import Messages

/// Why there is no TLS connection, or no longer.
package struct TLSError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// A certificate, key or trust file that libssl doesn't take.
        case configuration
        /// A certificate, key or trust file that can't be read, for the system's reason.
        case file(errno: Int32)
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
        case .noCommonProtocol, .configuration, .file: Status(.failedPrecondition, description)
        case .closedInHandshake, .closedWithoutNotify, .failed: Status(.unavailable, description)
        }
    }

    package var description: String { "TLS: \(detail)" + (remedy.map { "; \($0)" } ?? "") }

    /// What an operator can do.
    package var remedy: String? {
        switch code {
        case .configuration: "check the file's path, permissions and PEM content"
        case .file(let errno): FileError.remedy(for: errno)
        case .certificateRefused: "check the peer's certificate, this side's trust roots and both clocks"
        case .otherAuthority:
            "the token is another verifier's, or somebody stands between the two: have this verifier's operator make a "
                + "new token (assay-verifier invite), and tell them if it happens again"
        case .certificateMissing: "configure the agent's certificate and key, or join first"
        case .unidentified: "give the certificate a subject alternative name: URI:urn:assay:agent:ID or a DNS name"
        // certificate_expired (RFC 8446, 6.2)
        case .alert(45):
            "the peer takes this side's certificate for expired: see whether the clocks of both hosts are right; if they "
                + "are, a host with an old certificate is invited and joins again, and a verifier's own is renewed by itself"
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
        let errors = ErrorQueue.drain()
        let code = errors.first.flatMap { knownCode($0.number) } ?? code
        if code == .certificateRefused, verifyResult == Int(X509_V_ERR_APPLICATION_VERIFICATION) {
            return TLSError(.otherAuthority, "the verifier has another authority than the token names")
        }
        let reasons =
            code == .certificateRefused
            ? [String(cString: X509_verify_cert_error_string(verifyResult))] : errors.map(\.reason)
        return TLSError(code, reasons.isEmpty ? context : "\(context): \(reasons.joined(separator: ", "))")
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
