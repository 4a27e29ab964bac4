internal import Bytes
internal import Messages
internal import NIOPosix
internal import Transport

// What the verifier says. Nothing is attested: the agent that runs as a service stays connected, and no verdict changes.

extension HostProbe {
    func verifierState(_ certificate: HostFacts.CertificateState) async -> HostFacts.VerifierState {
        guard let verifier else { return .notConfigured }
        guard case .present = certificate, let credentials = verifier.credentials, let trustFile = verifier.trustFile
        else { return .notTried }
        let place = address(verifier.host, verifier.port)
        do {
            let context = try TLSContext.client(credentials: credentials, trustRootsFile: trustFile)
            let connection = try await AssayDialer.connect(
                host: verifier.host, port: verifier.port, context: context, serverName: verifier.name,
                group: MultiThreadedEventLoopGroup.singleton)
            let answer = try await Self.ask(connection)
            await connection.close()
            return Self.state(answer, of: place)
        } catch let error as TLSError {
            return .fails(.init("\(place): \(error.detail)", remedy: error.remedy ?? Self.serverRemedy))
        } catch TransportError.tls(let error) {
            return .fails(.init("\(place): TLS: \(error.detail)", remedy: error.remedy ?? Self.serverRemedy))
        } catch {
            let remedy = (error as? TransportError)?.remedy ?? Self.serverRemedy
            return .fails(.init("\(place): \(error)", remedy: remedy))
        }
    }

    private static let serverRemedy = "see that assay-verifier serve runs there, and that no firewall is between"

    /// For how long the answer is awaited: a verifier that has many hosts to judge takes a while.
    private static let patience = Duration.seconds(20)

    /// Asks how this host stands: a Status OK in the place of Hello (Docs/protocol.md).
    ///
    /// - Returns: the answer; nil if the verifier closed without one.
    private static func ask(_ connection: AgentConnection) async throws(TransportError) -> VerifierMessage? {
        connection.setDeadline(patience, awaiting: "answer")
        do throws(TransportError) {
            try await connection.send(.status(Status(.ok, "assay-agent doctor asks how this host stands")))
        } catch .closed {
            // With TLS 1.3 a server refuses a certificate only after the client's handshake is done: why comes now.
        }
        return try await connection.receive()
    }

    private static func state(_ answer: VerifierMessage?, of place: String) -> HostFacts.VerifierState {
        guard let answer else { return .answers(address: place) }
        guard case .status(let status) = answer else {
            return .fails(
                .init("\(place): \(answer.kind) came instead of an answer", remedy: Status.Advice.install.remedy))
        }
        switch status.code {
        case .ok: return .welcomes(address: place, says: status.message)
        case .failedPrecondition: return .cautions(address: place, says: status.message)
        default: return .fails(.init("\(place): \(status)", remedy: status.advice.remedy))
        }
    }
}
