import AssayCrypto
import Attester
import Enrolment
import Foundation
import Messages
import Server
import Store
import Synchronization
import TPM
import TPMDevice
import Testing
import Transport

extension EndToEnd {
    @Suite("Joining with a real TPM over real TLS") struct JoinTests {
        @Test("a host joins, and attests with the certificate that it got", arguments: KeyKind.allCases)
        func join(kind: KeyKind) async throws {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost(kind)
                let issued = try await host.join(verifier, try await verifier.invite())
                #expect(issued.agentID == Array("web-1".utf8))
                let connection = try await verifier.dial(issued.certificates[0], host.key)
                let attester = try host.attester("web-1", in: verifier.folder)
                let result = try #require(try await attester.attest(over: connection, once: true) { _ in })
                // The log shows nothing; what counts here is that there is a verdict, and what it says of identity.
                #expect(result.identity == "EK not certified")
                #expect(try verifier.store.snapshot(of: AgentID("web-1")).verdict?.number == 1)
            }
        }

        @Test("an answer that is lost is given again, the same") func lostAnswer() async throws {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                let token = try await verifier.invite()
                try await loseAnswer(host, verifier, token)
                let given = try #require(try verifier.store.identity(of: AgentID("web-1"))?.certificates)
                verifier.clock.pass(7200)
                #expect(try await host.join(verifier, token).certificates == given)
                #expect(try verifier.store.identity(of: AgentID("web-1"))?.certificates == given)
                let stranger = try await JoiningHost()
                #expect(try await stranger.refusal(verifier, token).contains("another TPM is enrolled as web-1"))
            }
        }

        /// Joins up to the last message, and breaks the connection before it comes.
        private func loseAnswer(_ host: JoiningHost, _ verifier: InvitingVerifier, _ token: JoinToken) async throws {
            let connection = try await verifier.dial(token)
            var request = JoinRequest(
                tokenHash: token.hash, agentID: [],
                endorsementKeyPublic: try await host.device.endorsementKeyPublic(.p256),
                attestationKeyPublic: host.attestationKey.publicArea, endorsementKeyCertificate: [],
                certificateRequest: try CertificateRequest(for: host.key).der, proof: [])
            request.proof = try request.proof(secret: token.secret, exporter: connection.peer.exporter)
            try await connection.send(.joinRequest(request))
            guard case .credentialChallenge(let challenge)? = try await connection.receive() else {
                throw Unexpected("no CredentialChallenge")
            }
            let secret = try await host.device.activateCredential(
                challenge.credentialBlob, secret: challenge.encryptedSecret)
            try await connection.send(.credentialResponse(CredentialResponse(secret: secret)))
            connection.abort()
            try await until("the host's enrolment") {
                try verifier.store.identity(of: AgentID("web-1")) != nil
            }
        }

        @Test("an expired, a used and a foreign token are refused, each with the next step") func tokens() async throws
        {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                let expired = try await verifier.invite(seconds: 60)
                verifier.clock.pass(60)
                let refusal = try await host.refusal(verifier, expired)
                #expect(refusal.contains("expired") && refusal.contains("assay-verifier invite"))

                let used = try await verifier.invite(nil)
                _ = try await JoiningHost().join(verifier, used, wishing: "web-7")
                #expect(try await host.refusal(verifier, used, wishing: "web-8").contains("used up"))

                let foreign = try JoinToken(
                    host: "127.0.0.1", port: UInt16(verifier.port), authority: used.authority,
                    secret: Secret([UInt8](repeating: 1, count: 16)))
                #expect(try await host.refusal(verifier, foreign).contains("doesn't know the token"))
                #expect(try verifier.store.agents().count == 1)
            }
        }

        @Test("a verifier with another authority than the token's is refused before anything is sent")
        func wrongAuthority() async throws {
            try await InvitingVerifier.run { verifier in
                let token = try await verifier.invite()
                let other = try JoinToken(
                    host: token.host, port: token.port, authority: PCRBank.sha256.digest(of: [1]), secret: token.secret)
                let error = await #expect(throws: TransportError.self) { _ = try await verifier.dial(other) }
                guard case .tls(let refused)? = error, refused.code == .otherAuthority else {
                    Issue.record("another error: \(String(describing: error))")
                    return
                }
                #expect(refused.description.contains("assay-verifier invite"))
            }
        }

        @Test("a second TPM under the same identity is refused; removing the first lets it in, and shuts the first out")
        func secondTPM() async throws {
            try await InvitingVerifier.run { verifier in
                let first = try await JoiningHost()
                let issued = try await first.join(verifier, try await verifier.invite())
                let second = try await JoiningHost()
                let token = try await verifier.invite()
                let refusal = try await second.refusal(verifier, token)
                #expect(refusal.contains("assay-verifier agents remove web-1"))
                #expect(refusal.contains("ALREADY_EXISTS"))

                try await verifier.store.remove(AgentID("web-1"))
                let other = try await second.join(verifier, token)
                let attester = try second.attester("web-1", in: verifier.folder)
                let connection = try await verifier.dial(other.certificates[0], second.key)
                #expect(try await attester.attest(over: connection, once: true) { _ in } != nil)

                let shutOut = try await verifier.dial(issued.certificates[0], first.key)
                guard case .status(let status)? = try await shutOut.receive() else {
                    Issue.record("no Status")
                    return
                }
                #expect(status.code == .permissionDenied && status.message.contains("assay-verifier invite --id web-1"))
                await shutOut.close()
            }
        }

        @Test("a host whose attestation key is in another TPM than its endorsement key doesn't join")
        func twoTPMs() async throws {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                let other = try await JoiningHost()
                let token = try await verifier.invite()
                let connection = try await verifier.dial(token)
                var request = JoinRequest(
                    tokenHash: token.hash, agentID: [],
                    endorsementKeyPublic: try await other.device.endorsementKeyPublic(.p256),
                    attestationKeyPublic: host.attestationKey.publicArea, endorsementKeyCertificate: [],
                    certificateRequest: try CertificateRequest(for: host.key).der, proof: [])
                request.proof = try request.proof(secret: token.secret, exporter: connection.peer.exporter)
                try await connection.send(.joinRequest(request))
                guard case .credentialChallenge(let challenge)? = try await connection.receive() else {
                    throw Unexpected("no CredentialChallenge")
                }
                // Neither TPM opens it: one lacks the endorsement key, the other the attestation key.
                for device in [host.device, other.device] {
                    await #expect(throws: TPMDeviceError.self) {
                        try await device.activateCredential(
                            challenge.credentialBlob, secret: challenge.encryptedSecret)
                    }
                }
                try await connection.send(
                    .credentialResponse(CredentialResponse(secret: Secret([UInt8](repeating: 0, count: 32)))))
                guard case .status(let status)? = try await connection.receive() else { throw Unexpected("no Status") }
                #expect(status.code == .permissionDenied && status.message.contains("not in one TPM"))
                #expect(try verifier.store.agents().isEmpty)
                await connection.close()
            }
        }

        @Test("an agent without a certificate can't attest, and one with a certificate speaks no join messages")
        func wrongProtocol() async throws {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                let token = try await verifier.invite()
                let joining = try await verifier.dial(token)
                try await joining.send(
                    .hello(Hello(agentID: [], attestationKeyName: [], nextRecord: 0, banks: [], maximumShardBytes: 0)))
                guard case .status(let status)? = try await joining.receive() else { throw Unexpected("no Status") }
                #expect(status.message.contains("JoinRequest was awaited"))
                await joining.close()
                let issued = try await host.join(verifier, token)
                let attesting = try await verifier.dial(issued.certificates[0], host.key)
                try await attesting.send(.credentialResponse(CredentialResponse(secret: Secret([]))))
                guard case .status(let refused)? = try await attesting.receive() else { throw Unexpected("no Status") }
                #expect(refused.message.contains("Hello was awaited"))
                await attesting.close()
            }
        }
    }

    @Suite("Certificates that renew themselves") struct RenewalTests {
        @Test("an agent renews over its own connection when two thirds are over, and both certificates are its own")
        func agent() async throws {
            try await InvitingVerifier.run(ago: 61 * 86_400) { verifier in
                let host = try await JoiningHost()
                let first = try await host.join(verifier, try await verifier.invite()).certificates[0]
                let held = Mutex(first)
                let renewal = CertificateRenewal {
                    let own = try Certificate(der: held.withLock { $0 })
                    guard own.isDueForRenewal(at: verifier.clock.time) else { return nil }
                    return RenewRequest(certificateRequest: try CertificateRequest(for: host.key).der)
                } accept: { issued in
                    let own = try CertificateRenewal.check(issued, for: host.key.publicKey)
                    held.withLock { $0 = own.der }
                }
                let attester = try host.attester("web-1", in: verifier.folder)
                func attest(_ certificate: [UInt8]) async throws {
                    let connection = try await verifier.dial(certificate, host.key)
                    _ = try await attester.attest(over: connection, once: true, renewal: renewal) { _ in }
                }
                try await attest(first)
                #expect(held.withLock { $0 } == first)
                verifier.clock.pass(61 * 86_400)
                try await attest(first)
                let second = held.withLock { $0 }
                #expect(second != first)
                #expect(try verifier.store.identity(of: AgentID("web-1"))?.certificates == [first, second])
                try await attest(second)
                #expect(held.withLock { $0 } == second)
            }
        }

        @Test("a renewal that is refused is answered, and the round goes on") func refused() async throws {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                let certificate = try await host.join(verifier, try await verifier.invite()).certificates[0]
                let events = Mutex<[Attester.Event]>([])
                let foreign = CertificateRenewal {
                    RenewRequest(certificateRequest: try CertificateRequest(for: try PrivateKey(on: .p256)).der)
                } accept: { _ in
                    Issue.record("a certificate was accepted")
                }
                let connection = try await verifier.dial(certificate, host.key)
                let result = try await host.attester("web-1", in: verifier.folder).attest(
                    over: connection, once: true, renewal: foreign
                ) { event in events.withLock { $0.append(event) } }
                #expect(result != nil)
                let refusals = events.withLock { events in
                    events.compactMap { event in
                        if case .renewal(.failure(let failure)) = event { failure.description } else { nil }
                    }
                }
                #expect(refusals.count == 1)
                #expect(refusals.first?.contains("not for the key of the connection's certificate") == true)
                #expect(try verifier.store.identity(of: AgentID("web-1"))?.certificates == [certificate])
            }
        }

        @Test("the server shows its renewed certificate to the next connection, without a restart")
        func server() async throws {
            try await InvitingVerifier.run(ago: 61 * 86_400) { verifier in
                let token = try await verifier.invite()
                let before = try await verifier.dial(token)
                #expect(try !verifier.identity.refresh(at: verifier.clock.time))
                verifier.clock.pass(61 * 86_400)
                #expect(try verifier.identity.refresh(at: verifier.clock.time))
                let after = try await verifier.dial(token)
                #expect(before.peer.certificate != nil && before.peer.certificate != after.peer.certificate)
                #expect(after.peer.certificate?.subjectAlternativeNames == [.ip([127, 0, 0, 1])])
                await before.close()
                await after.close()
            }
        }
    }
}
