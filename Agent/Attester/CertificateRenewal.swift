package import AssayCrypto
package import Messages

/// How an agent keeps its certificate alive: it asks over its own connection, and puts what comes in place of the old
/// one. Where that is, is its owner's matter.
package struct CertificateRenewal: Sendable {
    /// What to send now; nil if the certificate is still young.
    package let request: @Sendable () throws -> RenewRequest?
    /// Takes what the verifier issued; with no certificates, the agent's own authority issues them.
    package let accept: @Sendable (CertificateIssued) throws -> Void

    /// A way to renew.
    package init(
        request: @escaping @Sendable () throws -> RenewRequest?,
        accept: @escaping @Sendable (CertificateIssued) throws -> Void
    ) {
        self.request = request
        self.accept = accept
    }

    /// Refuses certificates that are for another key, or name nobody.
    ///
    /// - Parameter time: seconds since 1970, for a certificate that takes the place of one that is still valid: it must be
    ///   valid now. A verifier whose clock is ahead would lock its agents out. Nil doesn't ask.
    /// - Returns: the agent's own certificate.
    @discardableResult
    package static func check(
        _ issued: CertificateIssued, for key: PublicKey, at time: Int64? = nil
    ) throws(Status) -> Certificate {
        guard let first = issued.certificates.first, let own = try? Certificate(der: first),
            own.subjectPublicKeyInfo == key.subjectPublicKeyInfo
        else { throw Status(.invalidArgument, "the verifier issued a certificate for another key") }
        if let time, let fault = own.fault(at: time) {
            throw Status(
                .invalidArgument,
                "the verifier issued a certificate that \(fault), so the old one stays; compare its clock with this host's "
                    + "(timedatectl)")
        }
        return own
    }
}
