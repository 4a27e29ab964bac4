import AssayCrypto
import Bytes
import Enrolment
import Messages
import Store
import TPM
import TestSupport
import Testing

@Suite("A join session") struct JoinSessionTests {
    /// What a step led to, as words, so that a test reads like a trace.
    private static func words(_ actions: [JoinSession.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .expect(let awaited, _): "expect \(awaited)"
            case .find: "find"
            case .admit: "admit"
            case .decide: "decide"
            case .protect: "protect"
            case .send(let message): "send \(message.kind)"
            case .enrol(_, let id): "enrol \(id)"
            case .finish(let id): "finish \(id)"
            case .note(let refused): "note \(refused.word.rawValue)"
            case .close(let status, let isSent): "close \(status.code.name)\(isSent ? "" : " silently")"
            }
        }
    }

    private static func status(_ actions: [JoinSession.Action]) -> Status? {
        guard case .close(let status, _)? = actions.last else { return nil }
        return status
    }

    private let applicant: SimulatedApplicant
    private let id: AgentID
    private let issued = CertificateIssued(agentID: Array("web-1".utf8), certificates: [[1]], authorities: [[2]])
    private let credential: Credential
    private let drawn = Secret([UInt8](repeating: 5, count: 32))

    init() throws {
        applicant = try SimulatedApplicant()
        id = try AgentID("web-1")
        let key = try EndorsementKey(publicArea: PublicArea(tpm2bPublic: applicant.request.endorsementKeyPublic))
        credential = try Credential.protecting(drawn, for: key, attestationKeyName: [])
    }

    /// A session after so many steps.
    private func session(after steps: Int) -> JoinSession {
        var session = JoinSession(exporter: SimulatedApplicant.exporter)
        let all: [(inout JoinSession) -> [JoinSession.Action]] = [
            { $0.receive(.joinRequest(applicant.request)) },
            { $0.found(SimulatedApplicant.secret, time: SimulatedApplicant.now) },
            { $0.decided(.admitted(id)) },
            { $0.protected(drawn, as: credential) },
            { $0.receive(.credentialResponse(CredentialResponse(secret: drawn))) },
            { $0.enrolled(.success(issued)) },
        ]
        for step in all.prefix(steps) { _ = step(&session) }
        return session
    }

    @Test("leads from a request over a credential to a certificate")
    func straight() {
        var session = JoinSession(exporter: SimulatedApplicant.exporter)
        #expect(Self.words(session.begin()) == ["expect JoinRequest"])
        #expect(Self.words(session.receive(.joinRequest(applicant.request))) == ["find"])
        #expect(
            Self.words(session.found(SimulatedApplicant.secret, time: SimulatedApplicant.now)) == ["admit", "decide"])
        #expect(Self.words(session.decided(.admitted(id))) == ["protect"])
        #expect(
            Self.words(session.protected(drawn, as: credential))
                == ["expect CredentialResponse", "send CredentialChallenge"])
        #expect(
            Self.words(session.receive(.credentialResponse(CredentialResponse(secret: drawn)))) == ["enrol web-1"])
        #expect(
            Self.words(session.enrolled(.success(issued))) == ["send CertificateIssued", "finish web-1"])
        #expect(session.receive(.joinRequest(applicant.request)).isEmpty)
    }

    @Test("has whoever repeats a request prove its TPM as before")
    func repeated() {
        var session = session(after: 2)
        #expect(Self.words(session.decided(.repeated(id, certificate: [1]))) == ["protect"])
    }

    @Test("refuses every message that isn't awaited, and nothing follows", arguments: 0...6)
    func wrongMessages(steps: Int) throws {
        let messages: [AgentMessage] = [
            .hello(Hello(agentID: [], attestationKeyName: [], nextRecord: 0, banks: [], maximumShardBytes: 0)),
            .renewRequest(RenewRequest(certificateRequest: [])),
            .credentialResponse(CredentialResponse(secret: drawn)), .joinRequest(applicant.request),
        ]
        for message in messages {
            switch (steps, message) {
            case (0, .joinRequest), (4, .credentialResponse): continue  // the awaited one
            default: break
            }
            var session = session(after: steps)
            let actions = session.receive(message)
            if steps == 6 {
                #expect(actions.isEmpty)
            } else {
                #expect(Self.status(actions)?.code == .invalidArgument)
                #expect(Self.status(actions)?.message.contains("\(message.kind) came") == true)
            }
            #expect(session.receive(.joinRequest(applicant.request)).isEmpty)
            #expect(session.found(SimulatedApplicant.secret, time: 0).isEmpty)
            #expect(session.decided(.admitted(id)).isEmpty)
            #expect(session.protected(drawn, as: credential).isEmpty)
            #expect(session.enrolled(.success(issued)).isEmpty)
        }
    }

    @Test("closes in silence when the host gives up", arguments: 0...5)
    func gaveUp(steps: Int) {
        var session = session(after: steps)
        #expect(Self.words(session.receive(.status(Status(.cancelled, "no")))) == ["close CANCELLED silently"])
    }

    @Test("takes work that nobody asked for as nothing")
    func unasked() {
        var session = JoinSession(exporter: SimulatedApplicant.exporter)
        #expect(session.found(SimulatedApplicant.secret, time: 0).isEmpty)
    }

    @Test("refuses another version of the contract, and a token that it doesn't know")
    func strangers() throws {
        var other = applicant.request
        other.protocolVersion = 2
        var session = JoinSession(exporter: SimulatedApplicant.exporter)
        #expect(Self.status(session.receive(.joinRequest(other)))?.code == .failedPrecondition)
        session = self.session(after: 1)
        let status = Self.status(session.found(nil, time: 0))
        #expect(status?.code == .permissionDenied)
        #expect(status?.message.contains("assay-verifier invite") == true)
    }

    @Test("refuses a proof of another secret, of another connection, or of another request")
    func proofs() throws {
        let changes: [(inout SimulatedApplicant) throws -> Void] = [
            { try $0.prove(secret: Secret([UInt8](repeating: 0, count: 16))) },
            { try $0.prove(exporter: [UInt8](repeating: 0, count: 32)) },
            { $0.request.agentID = Array("web-2".utf8) },
            { $0.request.proof = [] },
        ]
        for change in changes {
            var host = applicant
            try change(&host)
            var session = JoinSession(exporter: SimulatedApplicant.exporter)
            _ = session.receive(.joinRequest(host.request))
            let status = Self.status(session.found(SimulatedApplicant.secret, time: 0))
            #expect(status?.code == .permissionDenied)
            #expect(status?.message.contains("copy the whole token") == true)
        }
    }

    @Test("refuses keys that are none, or of the wrong kind, with the reason")
    func keys() throws {
        let signing = SimulatedApplicant.sized(try SyntheticTPM(hash: .sha1).publicArea.marshalled)
        let named = SimulatedApplicant.sized(try SyntheticTPM(nameAlgorithm: .sha1).publicArea.marshalled)
        let changes: [(String, (inout JoinRequest) -> Void)] = [
            ("malformed", { $0.endorsementKeyPublic = [] }),
            ("malformed", { $0.attestationKeyPublic = [0, 1, 0] }),
            ("endorsement key is refused", { $0.endorsementKeyPublic = $0.attestationKeyPublic }),
            ("modulus that is even", { $0.endorsementKeyPublic = Self.endorsementKey(modulusEnd: 0xb4) }),
            ("bad_attestation_key", { $0.attestationKeyPublic = $0.endorsementKeyPublic }),
            ("signs with SHA-1", { $0.attestationKeyPublic = signing }),
            ("name is made with SHA-1", { $0.attestationKeyPublic = named }),
            ("certificate request", { $0.certificateRequest = [] }),
            ("certificate request", { $0.certificateRequest[$0.certificateRequest.count - 1] ^= 1 }),
        ]
        for (word, change) in changes {
            var host = applicant
            change(&host.request)
            try host.prove()
            var session = JoinSession(exporter: SimulatedApplicant.exporter)
            _ = session.receive(.joinRequest(host.request))
            let actions = session.found(SimulatedApplicant.secret, time: 0)
            let status = Self.status(actions)
            #expect(status?.code == .invalidArgument)
            #expect(status?.message.contains(word) == true, "\(status?.message ?? "")")
            #expect(Self.words(actions) == ["note bad_request", "close INVALID_ARGUMENT"])
        }
    }

    /// A TPM2B_PUBLIC of an RSA endorsement key whose modulus ends in a byte.
    private static func endorsementKey(modulusEnd: UInt8) -> [UInt8] {
        var area = ByteWriter()
        area.raw([0x00, 0x01, 0x00, 0x0b, 0x00, 0x03, 0x00, 0xb2, 0x00, 0x00])  // RSA, SHA-256, attributes, no policy
        area.raw([0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10])  // AES-128 in CFB mode, no scheme
        area.raw([0x08, 0x00, 0x00, 0x00, 0x00, 0x00])  // 2048 bits, the default exponent
        area.sized(by: UInt16.self, [UInt8](repeating: 0xb5, count: 255) + [modulusEnd])
        var structure = ByteWriter()
        structure.sized(by: UInt16.self, area.bytes)
        return structure.bytes
    }

    @Test("takes an endorsement key of RSA") func rsa() throws {
        var host = applicant
        host.request.endorsementKeyPublic = Self.endorsementKey(modulusEnd: 0xb5)
        try host.prove()
        var session = JoinSession(exporter: SimulatedApplicant.exporter)
        _ = session.receive(.joinRequest(host.request))
        #expect(Self.words(session.found(SimulatedApplicant.secret, time: 0)) == ["admit", "decide"])
    }

    @Test("tells each refusal of the store with its next step")
    func refusals() {
        let all: [(JoinRefusal, Status.Code, String)] = [
            (.unknownToken, .permissionDenied, "assay-verifier invite"),
            (.expired, .permissionDenied, "assay-verifier invite"),
            (.madeInTheFuture, .permissionDenied, "clock was ahead"),
            (.usedUp, .permissionDenied, "assay-verifier invite"),
            (.noIdentity, .invalidArgument, "--id"),
            (.otherTPM(id), .alreadyExists, "assay-verifier agents remove web-1"),
            (.enrolledByHand(id), .alreadyExists, "assay-verifier agents remove web-1"),
            (.attestationKeyTaken(by: id), .alreadyExists, "assay-verifier agents remove web-1"),
            (.revoked(id), .permissionDenied, "assay-verifier agents revoke web-1 --undo"),
            (.noPolicy("p"), .failedPrecondition, "assay-verifier policy put p"),
        ]
        for (refusal, code, step) in all {
            for steps in [2, 5] {
                var session = session(after: steps)
                let actions = steps == 2 ? session.decided(.refused(refusal)) : session.enrolled(.failure(refusal))
                #expect(Self.status(actions)?.code == code)
                #expect(Self.status(actions)?.message.contains(step) == true)
                // What came to an agent is for its history; there is none where nobody knows the token, or a name.
                #expect(Self.words(actions).dropLast() == (refusal.word.map { ["note \($0.rawValue)"] } ?? []))
            }
        }
    }

    @Test("notes a refusal only of somebody who knows the token, with what came") func notes() throws {
        var session = session(after: 1)
        #expect(Self.words(session.found(nil, time: 0)) == ["close PERMISSION_DENIED"])
        var stranger = applicant
        try stranger.prove(secret: Secret([UInt8](repeating: 0, count: 16)))
        session = JoinSession(exporter: SimulatedApplicant.exporter)
        _ = session.receive(.joinRequest(stranger.request))
        #expect(Self.words(session.found(SimulatedApplicant.secret, time: 0)) == ["close PERMISSION_DENIED"])

        session = self.session(after: 2)
        guard case .note(let refused)? = session.decided(.refused(.otherTPM(id))).first else {
            Issue.record("nothing is noted")
            return
        }
        #expect(refused == RefusedJoin(try applicant.claim(), .otherTPM))
    }

    @Test("refuses a wrong answer to the credential: it enrols nobody")
    func wrongAnswer() {
        for bytes in [[], Array(drawn.bytes.dropLast()), [UInt8](repeating: 0, count: 32), drawn.bytes + [0]] {
            var session = session(after: 4)
            let actions = session.receive(.credentialResponse(CredentialResponse(secret: Secret(bytes))))
            #expect(Self.words(actions) == ["note not_proved", "close PERMISSION_DENIED"])
            #expect(session.receive(.credentialResponse(CredentialResponse(secret: drawn))).isEmpty)
        }
    }
}
