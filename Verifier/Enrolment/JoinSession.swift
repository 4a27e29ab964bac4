package import AssayCrypto
package import Messages
package import Store
package import TPM

/// The verifier's half of joining: the host's message or a finished piece of work in, actions out.
///
/// No socket, store, clock or randomness is touched here: the driver carries the actions out, in order, and comes back
/// with what they are for. Nothing is told or done before the host has shown, on this very connection, that it knows
/// the token's secret; nothing is kept before its TPM has shown that it holds both keys.
package struct JoinSession: Sendable {
    /// What the driver is to do.
    package enum Action: Sendable {
        /// The host's next message must come within so many seconds; what it is, for the error.
        case expect(String, seconds: Int)
        /// Look the token's secret up, then call `found`.
        case find(tokenHash: Digest)
        /// The host has proved, on this very connection, that it knows a token's secret: it is no stranger any more, and
        /// what follows costs more.
        case admit
        /// Ask the store, then call `decided`.
        case decide(JoinClaim)
        /// Draw a secret of 32 bytes, protect it for the two keys, then call `protected`.
        case protect(for: EndorsementKey, attestationKeyName: [UInt8])
        /// Send a message.
        case send(VerifierMessage)
        /// Issue the certificate and enrol the agent, then call `enrolled`.
        case enrol(Applicant, AgentID)
        /// Note in the history of the agent that it came to, if there is one, that the join is refused.
        case note(RefusedJoin)
        /// All is done: wait for the host to close.
        case finish(AgentID)
        /// Send the status if the host can use it, and close.
        case close(Status, send: Bool)
    }

    private enum State: Sendable {
        case awaitingRequest
        case awaitingSecret(JoinRequest, tokenHash: Digest)
        case awaitingDecision(Applicant)
        case awaitingCredential(Applicant, AgentID)
        case awaitingResponse(Applicant, AgentID, secret: Secret)
        case awaitingEnrolment(Applicant, AgentID)
        case ended
    }

    /// A host joins at an operator's word; its TPM may need a while for the credential.
    private static let requestSeconds = 30
    private static let responseSeconds = 60

    private let exporter: [UInt8]
    private var state = State.awaitingRequest

    /// A session that waits for JoinRequest.
    ///
    /// - Parameter exporter: the TLS exporter value (RFC 9266), 32 bytes.
    package init(exporter: [UInt8]) {
        self.exporter = exporter
    }

    /// The first thing to do on a connection.
    package func begin() -> [Action] { [.expect("JoinRequest", seconds: Self.requestSeconds)] }

    /// Takes a message from the host.
    package mutating func receive(_ message: AgentMessage) -> [Action] {
        let taken = takeState()
        switch (taken, message) {
        case (.ended, _): return []
        case (_, .status(let status)): return [.close(status, send: false)]
        case (.awaitingRequest, .joinRequest(let request)): return find(request)
        case (.awaitingResponse(let applicant, let id, let secret), .credentialResponse(let response)):
            guard response.secret == secret else {
                return [.note(RefusedJoin(applicant.claim, .notProved))]
                    + refuse(
                        .permissionDenied,
                        "the TPM's answer to the credential is wrong: the attestation key and the endorsement key are "
                            + "not in one TPM; remove the agent's state folder and join again")
            }
            state = .awaitingEnrolment(applicant, id)
            return [.enrol(applicant, id)]
        case (.awaitingRequest, _): return refuse(message, awaiting: "JoinRequest")
        case (.awaitingResponse, _): return refuse(message, awaiting: "CredentialResponse")
        case (.awaitingSecret, _), (.awaitingDecision, _), (.awaitingCredential, _), (.awaitingEnrolment, _):
            return refuse(message, awaiting: "no message")
        }
    }

    /// The token's secret was looked up; nil if this verifier doesn't know the token.
    ///
    /// - Parameter time: seconds since 1970.
    package mutating func found(_ secret: Secret?, time: Int64) -> [Action] {
        guard case .awaitingSecret(let request, let tokenHash) = takeState() else { return [] }
        guard let secret else { return refuse(.unknownToken) }
        guard let proof = try? request.proof(secret: secret, exporter: exporter),
            constantTimeEqual(proof, request.proof)
        else {
            return refuse(
                .permissionDenied,
                "the host doesn't prove that it knows the token, or somebody stands between the two; "
                    + "copy the whole token that `assay-verifier invite` printed, and join again")
        }
        do throws(Status) {
            let applicant = try Applicant(request, tokenHash: tokenHash, time: time)
            state = .awaitingDecision(applicant)
            return [.admit, .decide(applicant.claim)]
        } catch {
            let refused = RefusedJoin(badRequestWith: tokenHash, wishing: request.agentID, at: time)
            return [.note(refused), .close(error, send: true)]
        }
    }

    /// The store has decided on the claim. Whoever repeats it proves its TPM as before.
    package mutating func decided(_ decision: JoinDecision) -> [Action] {
        guard case .awaitingDecision(let applicant) = takeState() else { return [] }
        switch decision {
        case .refused(let refusal): return refuse(refusal, applicant)
        case .admitted(let id), .repeated(let id, _):
            state = .awaitingCredential(applicant, id)
            return [
                .protect(for: applicant.endorsementKey, attestationKeyName: applicant.claim.attestationKeyName)
            ]
        }
    }

    /// A secret was drawn and protected.
    package mutating func protected(_ secret: Secret, as credential: Credential) -> [Action] {
        guard case .awaitingCredential(let applicant, let id) = takeState() else { return [] }
        state = .awaitingResponse(applicant, id, secret: secret)
        let challenge = CredentialChallenge(
            credentialBlob: credential.credentialBlob, encryptedSecret: credential.encryptedSecret)
        return [
            .expect("CredentialResponse", seconds: Self.responseSeconds), .send(.credentialChallenge(challenge)),
        ]
    }

    /// The agent is enrolled, durably; or something has changed that forbids it.
    package mutating func enrolled(_ result: Result<CertificateIssued, JoinRefusal>) -> [Action] {
        guard case .awaitingEnrolment(let applicant, let id) = takeState() else { return [] }
        switch result {
        case .success(let issued): return [.send(.certificateIssued(issued)), .finish(id)]
        case .failure(let refusal): return refuse(refusal, applicant)
        }
    }

    private mutating func find(_ request: JoinRequest) -> [Action] {
        guard request.protocolVersion == protocolVersion else {
            return refuse(
                .failedPrecondition,
                "the agent speaks version \(request.protocolVersion), this verifier \(protocolVersion); install the same release"
            )
        }
        guard request.tokenHash.count == 32, let tokenHash = Digest(request.tokenHash) else {
            return refuse(.unknownToken)
        }
        state = .awaitingSecret(request, tokenHash: tokenHash)
        return [.find(tokenHash: tokenHash)]
    }

    /// Leaves `ended` behind, which stands unless a transition puts another state.
    private mutating func takeState() -> State {
        var taken = State.ended
        swap(&taken, &state)
        return taken
    }

    private func refuse(_ message: AgentMessage, awaiting kind: String) -> [Action] {
        [.close(Expectation(kind).refusal(of: message), send: true)]
    }

    private func refuse(_ refusal: JoinRefusal) -> [Action] {
        refuse(refusal.code, refusal.description)
    }

    private func refuse(_ refusal: JoinRefusal, _ applicant: Applicant) -> [Action] {
        guard let word = refusal.word else { return refuse(refusal) }
        return [.note(RefusedJoin(applicant.claim, word))] + refuse(refusal)
    }

    private func refuse(_ code: Status.Code, _ message: String) -> [Action] {
        [.close(Status(code, message), send: true)]
    }
}

extension JoinRefusal {
    /// How a status classifies it.
    fileprivate var code: Status.Code {
        switch self {
        case .unknownToken, .expired, .madeInTheFuture, .usedUp, .revoked: .permissionDenied
        case .noIdentity: .invalidArgument
        case .otherTPM, .enrolledByHand, .attestationKeyTaken: .alreadyExists
        case .noPolicy: .failedPrecondition
        }
    }
}
