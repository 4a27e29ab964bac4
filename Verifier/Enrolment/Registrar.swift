package import AssayCrypto
package import Messages
package import Store

/// Enrols hosts that were invited, and renews their certificates: the store, the authority and the invitations' key.
package struct Registrar: Sendable {
    package let store: Store
    package let issuer: Issuer
    private let invitationKey: InvitationKey

    /// Puts a registrar together.
    package init(store: Store, issuer: Issuer, invitationKey: InvitationKey) {
        self.store = store
        self.issuer = issuer
        self.invitationKey = invitationKey
    }

    /// The secret of a token that this verifier gave out; nil if it doesn't know it.
    package func secret(of tokenHash: Digest) throws -> Secret? {
        guard let invitation = try store.invitation(tokenHash) else { return nil }
        return try invitationKey.secret(of: invitation)
    }

    /// Enrols an agent and issues its certificate; durable when this returns.
    ///
    /// - Returns: the certificate, or why there is none.
    package func enrol(
        _ claim: JoinClaim, as id: AgentID, for publicKey: PublicKey
    ) async throws -> Result<CertificateIssued, JoinRefusal> {
        let certificate = try issuer.issue(to: id, for: publicKey, at: claim.time)
        switch try await store.join(claim, as: id, certificate: certificate.der) {
        case .admitted(id): return .success(issued(certificate.der, to: id))
        case .repeated(let id, let former): return .success(issued(former, to: id))
        case .refused(let refusal): return .failure(refusal)
        case .admitted: return .failure(.usedUp)  // the invitation has become another's between two reads
        }
    }

    /// Renews the certificate that an agent's connection was made with.
    ///
    /// - Parameters:
    ///   - current: the certificate of the connection.
    ///   - time: seconds since 1970.
    /// - Returns: no certificates for an agent whose own authority issues them.
    /// - Throws: ``EnrolmentError`` for a request that isn't for the connection's own key.
    package func renew(
        _ request: RenewRequest, of id: AgentID, current: Certificate, at time: Int64
    ) async throws -> CertificateIssued {
        guard try store.identity(of: id) != nil else { return .none(for: id) }
        let request = try Self.checked(request.certificateRequest)
        guard request.publicKey.subjectPublicKeyInfo == current.subjectPublicKeyInfo else {
            throw EnrolmentError(.badRequest, "the renewal is not for the key of the connection's certificate")
        }
        let certificate = try issuer.issue(to: id, for: request.publicKey, at: time)
        try await store.addCertificate(certificate.der, of: id, keeping: current.der)
        return issued(certificate.der, to: id)
    }

    /// Reads a certificate request; its key must be one that nobody can break.
    static func checked(_ der: [UInt8]) throws(EnrolmentError) -> CertificateRequest {
        let request: CertificateRequest
        do throws(CryptoError) {
            request = try CertificateRequest(der: der)
        } catch {
            throw EnrolmentError(.badRequest, "the certificate request is refused: \(error)")
        }
        switch request.publicKey.kind {
        case .rsa(let bits) where bits >= 2048: return request
        case .ellipticCurve(let name) where EllipticCurve(rawValue: name) != nil: return request
        default:
            throw EnrolmentError(.badRequest, "the key of the certificate request is neither RSA 2048 nor on P-256")
        }
    }

    private func issued(_ certificate: [UInt8], to id: AgentID) -> CertificateIssued {
        CertificateIssued(
            agentID: id.bytes, certificates: [certificate], authorities: [issuer.certificate.der])
    }
}

extension CertificateIssued {
    /// No certificate this time, and why: the session goes on.
    package static func refused(_ refusal: Status, for id: AgentID) -> CertificateIssued {
        CertificateIssued(agentID: id.bytes, certificates: [], authorities: [], refusal: refusal)
    }

    /// The agent's own authority issues its certificates.
    package static func none(for id: AgentID) -> CertificateIssued {
        CertificateIssued(agentID: id.bytes, certificates: [], authorities: [])
    }
}
