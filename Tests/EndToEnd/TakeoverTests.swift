import Appraisal
import AssayCrypto
import Attester
import Bytes
import Messages
import Store
import TPM
import TPMDevice
import TestSupport
import Testing
import Transport

extension EndToEnd {
    @Suite("Joining as somebody else, over real TLS") struct TakeoverTests {
        /// Somebody without a TPM, who has a token and knows what is public.
        private struct Impostor {
            let endorsementKey: SoftwareEndorsementKey
            let key: PrivateKey

            init() throws {
                endorsementKey = try SoftwareEndorsementKey()
                key = try PrivateKey(on: .p256)
            }

            /// What the verifier says in the end: CertificateIssued or a Status.
            ///
            /// - Parameter endorsementKeyPublic: another's, which the impostor can't use.
            func join(
                _ verifier: InvitingVerifier, _ token: JoinToken, wishing id: String = "",
                attestationKeyPublic: [UInt8], endorsementKeyPublic: [UInt8]? = nil
            ) async throws -> VerifierMessage {
                let connection = try await verifier.dial(token)
                var request = JoinRequest(
                    tokenHash: token.hash, agentID: Array(id.utf8),
                    endorsementKeyPublic: endorsementKeyPublic ?? endorsementKey.publicArea,
                    attestationKeyPublic: attestationKeyPublic, endorsementKeyCertificate: [],
                    certificateRequest: try CertificateRequest(for: key).der, proof: [])
                request.proof = try request.proof(secret: token.secret, exporter: connection.peer.exporter)
                try await connection.send(.joinRequest(request))
                guard var answer = try await connection.receive() else { throw Unexpected("no answer") }
                if case .credentialChallenge(let challenge) = answer {
                    let secret = try? endorsementKey.open(
                        challenge.credentialBlob, secret: challenge.encryptedSecret,
                        attestationKeyName: PublicArea(tpm2bPublic: attestationKeyPublic).name())
                    try await connection.send(.credentialResponse(CredentialResponse(secret: Secret(secret ?? []))))
                    guard let last = try await connection.receive() else { throw Unexpected("no answer") }
                    answer = last
                }
                await connection.close()
                return answer
            }

            func refusal(
                _ verifier: InvitingVerifier, _ token: JoinToken, wishing id: String = "",
                attestationKeyPublic: [UInt8], endorsementKeyPublic: [UInt8]? = nil
            ) async throws -> Status {
                let answer = try await join(
                    verifier, token, wishing: id, attestationKeyPublic: attestationKeyPublic,
                    endorsementKeyPublic: endorsementKeyPublic)
                guard case .status(let status) = answer else { throw Unexpected("\(answer.kind)") }
                return status
            }
        }

        private func refusals(_ verifier: InvitingVerifier, _ id: String) throws -> [JoinRefusal.Word] {
            try verifier.store.events(of: AgentID(id)).compactMap {
                if case .joinRefused(let word, _) = $0.kind { word } else { nil }
            }
        }

        @Test("an endorsement key made in software opens a credential for any key, and becomes no agent that is there")
        func softwareEndorsementKey() async throws {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                let issued = try await host.join(verifier, try await verifier.invite())
                let attester = try host.attester("web-1", in: verifier.folder)
                func attest() async throws {
                    let connection = try await verifier.dial(issued.certificates[0], host.key)
                    _ = try #require(try await attester.attest(over: connection, once: true) { _ in })
                }
                try await attest()
                let before = try verifier.store.agent(AgentID("web-1"))
                let impostor = try Impostor()
                let stolen = host.attestationKey.publicArea

                // What makes the attempts below worth while: it does join, as somebody new with a key of its own.
                let anybody = try await verifier.invite(nil)
                var own = ByteWriter()
                own.sized(by: UInt16.self, try SyntheticTPM().publicArea.marshalled)
                let joined = try await impostor.join(verifier, anybody, wishing: "new", attestationKeyPublic: own.bytes)
                guard case .certificateIssued = joined else { throw Unexpected("\(joined)") }

                let named = try await verifier.invite()
                for (token, id) in [(named, ""), (try await verifier.invite(nil), "web-1")] {
                    let status = try await Impostor().refusal(
                        verifier, token, wishing: id, attestationKeyPublic: stolen)
                    #expect(
                        status.code == .alreadyExists && status.message.contains("another TPM is enrolled as web-1"))
                }
                // Its key under another name, which would attest for two hosts.
                let other = try await Impostor().refusal(
                    verifier, try await verifier.invite("web-2"), attestationKeyPublic: stolen)
                #expect(other.code == .alreadyExists && other.message.contains("enrolled as web-1 already"))
                #expect(try refusals(verifier, "web-1") == [.otherTPM, .otherTPM, .attestationKeyTaken])

                #expect(try verifier.store.agent(AgentID("web-1")) == before)
                #expect(try verifier.store.identity(of: AgentID("web-1"))?.certificates == issued.certificates)
                #expect(throws: StoreError.self) { try verifier.store.agent(AgentID("web-2")) }
                try await attest()
            }
        }

        @Test(
            "the endorsement key of another host alone isn't enough: its TPM must answer, and the attempt is an event")
        func otherEndorsementKey() async throws {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                _ = try await host.join(verifier, try await verifier.invite())
                var own = ByteWriter()
                own.sized(by: UInt16.self, try SyntheticTPM().publicArea.marshalled)
                let status = try await Impostor().refusal(
                    verifier, try await verifier.invite(), attestationKeyPublic: own.bytes,
                    endorsementKeyPublic: try await host.device.endorsementKeyPublic(.p256))
                #expect(status.code == .permissionDenied && status.message.contains("not in one TPM"))
                #expect(try refusals(verifier, "web-1") == [.notProved])
                #expect(try verifier.store.agent(AgentID("web-1")).attestationKeyName == host.attestationKeyName)
            }
        }

        @Test(
            "an agent that was enrolled by hand is nobody's by token, not even its own host's; without a token, no event"
        )
        func enrolledByHand() async throws {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                try await verifier.store.enrol(host.agent("db-1"))
                let token = try await verifier.invite("db-1")
                let status = try await Impostor().refusal(
                    verifier, token, attestationKeyPublic: host.attestationKey.publicArea)
                #expect(status.code == .alreadyExists && status.message.contains("assay-verifier agents remove db-1"))
                #expect(try await host.refusal(verifier, token).contains("was enrolled by hand"))
                #expect(try refusals(verifier, "db-1") == [.enrolledByHand, .enrolledByHand])
                let forged = try JoinToken(
                    host: token.host, port: token.port, authority: token.authority,
                    secret: Secret([UInt8](repeating: 7, count: JoinToken.secretSize)))
                #expect(try await host.refusal(verifier, forged, wishing: "db-1").contains("doesn't know the token"))
                #expect(try refusals(verifier, "db-1").count == 2)
                #expect(try verifier.store.identity(of: AgentID("db-1")) == nil)
                try await verifier.store.remove(AgentID("db-1"))
                #expect(try await host.join(verifier, token).agentID == Array("db-1".utf8))
            }
        }
    }

    @Suite("Joining again with a real TPM") struct RejoinTests {
        @Test("another attestation key: the past stays, the verdict too, and the TPM's clock goes on")
        func otherKey() async throws {
            try await InvitingVerifier.run { verifier in
                let id = try AgentID("web-1")
                let host = try await JoiningHost()
                let token = try await verifier.invite()
                func attest(_ issued: CertificateIssued) async throws {
                    let attester = try host.attester("web-1", in: verifier.folder)
                    let connection = try await verifier.dial(issued.certificates[0], host.key)
                    _ = try #require(try await attester.attest(over: connection, once: true) { _ in })
                }
                try await attest(try await host.join(verifier, token))
                let before = try verifier.store.snapshot(of: id)
                // The log shows nothing, while the PCRs of a fresh TPM do: a failing verdict.
                #expect(before.verdict?.tier == .contraindicated)

                try await host.replaceAttestationKey()
                let issued = try await host.join(verifier, token)
                let after = try verifier.store.snapshot(of: id)
                #expect(after.agent.attestationKeyName == (try host.attestationKeyName))
                #expect(after.verdict == before.verdict && after.state == before.state)
                #expect(try verifier.store.verdict(of: id)?.findings.isEmpty == false)
                #expect(
                    try verifier.store.events(of: id).contains {
                        $0.kind
                            == .attestationKeyReplaced(
                                from: before.agent.attestationKeyName, to: after.agent.attestationKeyName)
                    })
                try await attest(issued)
                #expect(try verifier.store.snapshot(of: id).verdict?.number == 2)
                #expect(try verifier.store.history(of: id).count == 2)
                let reasons = try #require(try verifier.store.verdict(of: id)).findings.byReason.keys
                #expect(!reasons.contains(.clockWentBack) && !reasons.contains(.resetWentBack))
            }
        }
    }
}
