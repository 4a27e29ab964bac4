package import AssayCrypto
package import Messages
package import TPMDevice
package import Transport

/// Joining, the agent's half: says who this host is, proves that it was invited and that its TPM holds both keys, and
/// takes a certificate.
///
/// The verifier leads no dialogue here: one request, one challenge, one answer.
package struct Joining: Sendable {
    private let device: TPMDevice
    private let attestationKeyPublic: [UInt8]
    private let endorsementKeyPublic: [UInt8]
    private let endorsementKeyCertificate: [UInt8]
    private let key: PrivateKey
    private let token: JoinToken

    /// A host whose attestation key is loaded. What takes the TPM long is done here, before a verifier waits for it.
    ///
    /// - Parameters:
    ///   - kind: of the attestation key, and of the endorsement key that it lives under.
    ///   - attestationKeyPublic: TPM2B_PUBLIC.
    ///   - key: what the certificate is for.
    /// - Throws: `tpmUnusable`.
    package init(
        device: TPMDevice, kind: KeyKind, attestationKeyPublic: [UInt8], key: PrivateKey, token: JoinToken
    ) async throws(AttesterError) {
        self.device = device
        self.attestationKeyPublic = attestationKeyPublic
        self.key = key
        self.token = token
        do throws(TPMDeviceError) {
            endorsementKeyPublic = try await device.endorsementKeyPublic(kind)
            endorsementKeyCertificate = try await device.endorsementCertificate(kind) ?? []
        } catch {
            throw AttesterError(.tpmUnusable, place: "TPM", problem: "\(error)")
        }
    }

    /// Joins over a connection whose server the token's authority vouches for.
    ///
    /// - Parameter wishedID: the identity that this host would like, if the invitation names none.
    /// - Throws: `joiningRefused` with the verifier's own words.
    package func join(
        over connection: AgentConnection, wishedID: [UInt8]
    ) async throws(AttesterError) -> CertificateIssued {
        do {
            try await send(.joinRequest(try request(wishedID, connection.peer.exporter)), connection)
            let challenge = try await receive(connection, "CredentialChallenge") {
                if case .credentialChallenge(let challenge) = $0 { challenge } else { nil }
            }
            let secret = try await device.activateCredential(
                challenge.credentialBlob, secret: challenge.encryptedSecret)
            try await send(.credentialResponse(CredentialResponse(secret: secret)), connection)
            let issued = try await receive(connection, "CertificateIssued") {
                if case .certificateIssued(let issued) = $0 { issued } else { nil }
            }
            // What the verifier sends is looked at before it replaces anything.
            try CertificateRenewal.check(issued, for: key.publicKey)
            await connection.close()
            return issued
        } catch {
            await connection.close(sending: .status(Status(.cancelled, "the host can't go on")))
            throw explained(error, connection)
        }
    }

    private func request(_ wishedID: [UInt8], _ exporter: [UInt8]) throws -> JoinRequest {
        var request = JoinRequest(
            tokenHash: token.hash, agentID: wishedID, endorsementKeyPublic: endorsementKeyPublic,
            attestationKeyPublic: attestationKeyPublic, endorsementKeyCertificate: endorsementKeyCertificate,
            certificateRequest: try CertificateRequest(for: key).der, proof: [])
        request.proof = try request.proof(secret: token.secret, exporter: exporter)
        return request
    }

    private func send(_ message: AgentMessage, _ connection: AgentConnection) async throws(TransportError) {
        do throws(TransportError) {
            try await connection.send(message)
        } catch .closed {
            // The verifier may have refused before it was spoken to: why comes out of `receive`.
        }
    }

    private func receive<Message>(
        _ connection: AgentConnection, _ awaited: String, _ read: (VerifierMessage) -> Message?
    ) async throws -> Message {
        connection.setDeadline(.seconds(60), awaiting: awaited)
        guard let message = try await connection.receive() else { throw TransportError.closed }
        if case .status(let status) = message { throw status }
        guard let wanted = read(message) else {
            throw Status(
                .invalidArgument, "\(message.kind) came, \(awaited) was awaited; install the verifier's release")
        }
        return wanted
    }

    private func explained(_ error: any Error, _ connection: AgentConnection) -> AttesterError {
        let place = connection.peer.address
        return switch error {
        case let status as Status: AttesterError(.joiningRefused, place: place, problem: "\(status)")
        case let error as TPMDeviceError: AttesterError(.tpmUnusable, place: "TPM", problem: "\(error)")
        case let error as TransportError: AttesterError(.verifierUnreachable, place: place, problem: "\(error)")
        default: AttesterError(.joiningRefused, place: place, problem: "\(error)")
        }
    }
}
