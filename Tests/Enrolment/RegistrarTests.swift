import AssayCrypto
import Enrolment
import Foundation
import Messages
import Store
import SystemPackage
import Testing

/// A registrar with its store; gone when the body returns.
struct Registry: Sendable {
    static let now = SimulatedApplicant.now
    let registrar: Registrar
    let key: InvitationKey
    var store: Store { registrar.store }

    static func run(_ body: (Registry) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-registry-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try Store(path: FilePath(folder.path).appending("store"))
        defer { store.close() }
        let issuer = try Issuer(key: PrivateKey(on: .p256), commonName: "authority", at: now)
        let key = try InvitationKey()
        let registrar = Registrar(store: store, issuer: issuer, invitationKey: key)
        try await body(Registry(registrar: registrar, key: key))
    }

    /// An invitation with the applicants' secret.
    func invite(
        _ id: String? = "web-1", policy: String? = nil, uses: UInt32 = 1, expires: Int64 = now + 3600
    ) async throws {
        try await store.invite(
            Invitation(
                tokenHash: PCRBank.sha256.digest(of: SimulatedApplicant.secret.bytes), seed: [1],
                agent: try id.map { try AgentID($0) }, policyName: policy, createdAt: Self.now, expiresAt: expires,
                uses: uses))
    }

    /// What becomes of an applicant: first the decision, then the enrolment.
    @discardableResult
    func join(
        _ applicant: SimulatedApplicant, at time: Int64 = now
    ) async throws -> Result<CertificateIssued, JoinRefusal> {
        let claim = try applicant.claim(at: time)
        switch try store.decide(claim) {
        case .refused(let refusal): return .failure(refusal)
        case .admitted(let id), .repeated(let id, _):
            return try await registrar.enrol(claim, as: id, for: applicant.key.publicKey)
        }
    }

    func refusal(_ applicant: SimulatedApplicant, at time: Int64 = now) async throws -> JoinRefusal? {
        guard case .failure(let refusal) = try await join(applicant, at: time) else { return nil }
        return refusal
    }
}

@Suite("The registrar") struct RegistrarTests {
    private let now = Registry.now

    @Test("shows nothing of its keys to whoever prints it")
    func printing() async throws {
        try await Registry.run { registry in
            let file = FileManager.default.temporaryDirectory.appending(path: "assay-key-\(UUID().uuidString)").path
            try registry.key.write(to: file)
            defer { try? FileManager.default.removeItem(atPath: file) }
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: file)))
            var text = "\(registry.registrar) \(String(reflecting: registry.registrar))"
            dump(registry.registrar, to: &text)
            #expect(text.contains("<secret>"))
            #expect(!text.contains(bytes.prefix(3).map { "\($0)" }.joined(separator: ", ")))
        }
    }

    @Test("knows its own tokens' secrets, no others, and none without its key")
    func secrets() async throws {
        try await Registry.run { registry in
            let (invitation, secret) = try registry.key.invite(nil, policy: nil, uses: 1, seconds: 60, at: now)
            try await registry.store.invite(invitation)
            #expect(try registry.registrar.secret(of: invitation.tokenHash) == secret)
            #expect(PCRBank.sha256.digest(of: secret.bytes) == invitation.tokenHash)
            #expect(try registry.registrar.secret(of: PCRBank.sha256.digest(of: [])) == nil)
            let stranger = Registrar(
                store: registry.store, issuer: registry.registrar.issuer, invitationKey: try InvitationKey())
            #expect(try stranger.secret(of: invitation.tokenHash) == nil)
        }
    }

    @Test("enrols whom the invitation names, judged by its policy")
    func enrol() async throws {
        try await Registry.run { registry in
            try await registry.store.putPolicy("p", source: [1], compiled: [2], at: now)
            try await registry.invite("db-7", policy: "p")
            let host = try SimulatedApplicant(wishes: "web-1")
            let issued = try await registry.join(host).get()
            #expect(issued.agentID == Array("db-7".utf8))
            #expect(issued.authorities == [registry.registrar.issuer.certificate.der])
            let certificate = try Certificate(der: try #require(issued.certificates.first))
            #expect(certificate.subjectAlternativeNames == [.uri("urn:assay:agent:db-7")])
            #expect(certificate.subjectPublicKeyInfo == host.key.publicKey.subjectPublicKeyInfo)
            let agent = try registry.store.agent(AgentID("db-7"))
            #expect(agent.policyName == "p" && agent.enrolledAt == now)
            #expect(agent.attestationKeyPublic == host.request.attestationKeyPublic)
            let identity = try #require(try registry.store.identity(of: AgentID("db-7")))
            #expect(identity.endorsementKeyPublic == host.request.endorsementKeyPublic)
            #expect(identity.certificates == issued.certificates)
            #expect(identity.joinedAt == now)
        }
    }

    @Test("gives the same answer to the same token and TPM, also when the token is used up and expired")
    func lostAnswer() async throws {
        try await Registry.run { registry in
            try await registry.invite()
            let host = try SimulatedApplicant()
            let first = try await registry.join(host).get()
            #expect(try await registry.join(host).get() == first)
            #expect(try await registry.join(host, at: now + 7200).get() == first)
            var renamed = host
            renamed.request.agentID = Array("renamed".utf8)
            #expect(try await registry.join(renamed).get() == first)
            #expect(try registry.store.invitation(host.claim().tokenHash)?.usesLeft == 0)
        }
    }

    @Test("gives the same TPM another certificate for another TLS key, and takes no second use")
    func reinstalled() async throws {
        try await Registry.run { registry in
            try await registry.invite(uses: 2)
            let first = try await registry.join(SimulatedApplicant()).get()
            let second = try await registry.join(SimulatedApplicant()).get()
            #expect(first.certificates != second.certificates)
            #expect(try registry.store.invitation(SimulatedApplicant().claim().tokenHash)?.usesLeft == 1)
            #expect(try registry.store.identity(of: AgentID("web-1"))?.certificates == second.certificates)
            #expect(try await registry.refusal(SimulatedApplicant(), at: now + 3600) == .expired)
        }
    }

    @Test("gives a host another certificate in place of one that isn't valid now, for the same keys and token")
    func wrongClock() async throws {
        try await Registry.run { registry in
            let (host, later) = (try SimulatedApplicant(), now + 100 * 86_400)
            try await registry.invite(expires: later + 3600)
            let ahead = try await registry.join(host, at: later).get()
            #expect(try await registry.join(host, at: later).get() == ahead)
            // The clock is set right: what was issued is valid in 100 days only.
            let again = try await registry.join(host).get()
            #expect(try Certificate(der: again.certificates[0]).validity(at: now) == .valid)
            #expect(try registry.store.identity(of: AgentID("web-1"))?.certificates == again.certificates)
        }
    }

    @Test("refuses an unknown, an expired and a used token")
    func tokens() async throws {
        try await Registry.run { registry in
            #expect(try await registry.refusal(SimulatedApplicant()) == .unknownToken)
            try await registry.invite(nil)
            #expect(try await registry.refusal(SimulatedApplicant(), at: now + 3600) == .expired)
            // It was made while the clock was ahead: it would last longer than it was meant to.
            #expect(try await registry.refusal(SimulatedApplicant(), at: now - 61) == .madeInTheFuture)
            _ = try await registry.join(SimulatedApplicant()).get()
            #expect(try await registry.refusal(SimulatedApplicant(tpm: 1, wishes: "web-2")) == .usedUp)
            #expect(try registry.store.agents().count == 1)
        }
    }

    @Test("refuses a second TPM under an identity, until the first is removed")
    func secondTPM() async throws {
        try await Registry.run { registry in
            try await registry.invite(uses: 2)
            _ = try await registry.join(SimulatedApplicant()).get()
            let id = try AgentID("web-1")
            #expect(try await registry.refusal(SimulatedApplicant(tpm: 1)) == .otherTPM(id))
            try await registry.store.remove(id)
            _ = try await registry.join(SimulatedApplicant(tpm: 1)).get()
            #expect(
                try registry.store.agent(id).attestationKeyPublic
                    == SimulatedApplicant(tpm: 1).request.attestationKeyPublic)
        }
    }

    @Test("refuses every TPM under the identity of an agent that was enrolled by hand, until that one is removed")
    func enrolledByHand() async throws {
        try await Registry.run { registry in
            let claim = try SimulatedApplicant().claim()
            let id = try AgentID("web-1")
            try await registry.store.enrol(
                Agent(
                    id: id, attestationKeyPublic: claim.attestationKeyPublic,
                    attestationKeyName: claim.attestationKeyName, enrolledAt: 5))
            try await registry.invite(uses: 2)
            for tpm in [0, 1] {
                #expect(try await registry.refusal(SimulatedApplicant(tpm: tpm)) == .enrolledByHand(id))
            }
            try await registry.store.remove(id)
            _ = try await registry.join(SimulatedApplicant()).get()
            #expect(try registry.store.agent(id).enrolledAt == now)
        }
    }

    @Test("refuses a revoked agent, a nameless one, and a policy that is gone")
    func otherRefusals() async throws {
        try await Registry.run { registry in
            try await registry.invite(nil, uses: 5)
            for name in ["", "a b", "bücher", "a\n", "-x", "--state", String(repeating: "a", count: 256)] {
                #expect(try await registry.refusal(SimulatedApplicant(wishes: name)) == .noIdentity)
            }
            _ = try await registry.join(SimulatedApplicant()).get()
            let id = try AgentID("web-1")
            try await registry.store.setRevocation(of: id, at: now)
            #expect(try await registry.refusal(SimulatedApplicant()) == .revoked(id))
            await #expect(throws: StoreError.self) { try await registry.invite(policy: "none") }
        }
    }

    @Test("refuses an invitation of an earlier release for an id that no certificate can carry or no command line take")
    func unfitInvitation() async throws {
        for name in ["-x", "a b", "evil\n"] {
            try await Registry.run { registry in
                try await registry.invite(name)
                #expect(try await registry.refusal(SimulatedApplicant()) == .noIdentity)
            }
        }
    }

    @Test("tells agents whose ids differ in the case of letters only") func caseOfLetters() async throws {
        try await Registry.run { registry in
            for (number, name) in ["web-1", "Web-1", "WEB-10"].enumerated() {
                try await registry.store.enrol(
                    Agent(
                        id: try AgentID(name), attestationKeyPublic: [UInt8(number)],
                        attestationKeyName: [UInt8(number)], enrolledAt: now))
            }
            let store = registry.store
            #expect(try store.agentsDifferingInCase(from: AgentID("web-1")).map(\.description) == ["Web-1"])
            #expect(try store.agentsDifferingInCase(from: AgentID("wEB-1")).map(\.description) == ["Web-1", "web-1"])
            #expect(try store.agentsDifferingInCase(from: AgentID("web-2")).isEmpty)
        }
    }

    @Test("forgets everything of an agent that is removed: its token admits it no more")
    func removed() async throws {
        try await Registry.run { registry in
            try await registry.invite()
            _ = try await registry.join(SimulatedApplicant()).get()
            let id = try AgentID("web-1")
            try await registry.store.remove(id)
            #expect(try registry.store.identity(of: id) == nil)
            #expect(try registry.store.invitation(SimulatedApplicant().claim().tokenHash)?.uses.isEmpty == true)
            #expect(try await registry.refusal(SimulatedApplicant()) == .usedUp)
        }
    }

    @Test("admits as many TPMs as the invitation says, also when they come at once")
    func uses() async throws {
        try await Registry.run { registry in
            try await registry.invite(nil, uses: 2)
            let hosts = try (0..<3).map { try SimulatedApplicant(tpm: $0, wishes: "web-\($0)") }
            let admitted = try await withThrowingTaskGroup(of: Bool.self) { group in
                for host in hosts {
                    group.addTask { if case .success = try await registry.join(host) { true } else { false } }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(admitted == 2)
            #expect(try registry.store.agents().count == 2)
        }
    }

    @Test("forgets invitations a week after they ended")
    func cleansUp() async throws {
        try await Registry.run { registry in
            try await registry.invite(expires: now - 604_801)
            let (next, _) = try registry.key.invite(nil, policy: nil, uses: 1, seconds: 60, at: now)
            try await registry.store.invite(next)
            #expect(try registry.store.invitation(SimulatedApplicant().claim().tokenHash) == nil)
            #expect(try registry.store.invitation(next.tokenHash) == next)
        }
    }

    @Test("renews a certificate for the connection's own key, and for no other")
    func renew() async throws {
        try await Registry.run { registry in
            try await registry.invite()
            let host = try SimulatedApplicant()
            let first = try await registry.join(host).get()
            let current = try Certificate(der: first.certificates[0])
            let id = try AgentID("web-1")
            let request = RenewRequest(certificateRequest: try CertificateRequest(for: host.key).der)
            let renewed = try await registry.registrar.renew(request, of: id, current: current, at: now + 100)
            let certificate = try Certificate(der: try #require(renewed.certificates.first))
            #expect(certificate.subjectAlternativeNames == current.subjectAlternativeNames)
            #expect(certificate.notAfter == current.notAfter.map { $0 + 100 })
            #expect(try registry.store.identity(of: id)?.certificates == [current.der, certificate.der])
            let other = RenewRequest(certificateRequest: try CertificateRequest(for: PrivateKey(on: .p256)).der)
            await #expect(throws: EnrolmentError.self) {
                try await registry.registrar.renew(other, of: id, current: current, at: now)
            }
            await #expect(throws: EnrolmentError.self) {
                try await registry.registrar.renew(
                    RenewRequest(certificateRequest: [1]), of: id, current: current, at: now)
            }
            try await registry.store.setRevocation(of: id, at: now)
            await #expect(throws: StoreError.self) {
                try await registry.registrar.renew(request, of: id, current: current, at: now)
            }
        }
    }

    @Test("keeps the newest certificates and the connection's own, and issues none to agents of an own PKI")
    func manyRenewals() async throws {
        try await Registry.run { registry in
            try await registry.invite()
            let host = try SimulatedApplicant()
            let first = try await registry.join(host).get()
            let current = try Certificate(der: first.certificates[0])
            let id = try AgentID("web-1")
            let request = RenewRequest(certificateRequest: try CertificateRequest(for: host.key).der)
            for _ in 0..<10 { _ = try await registry.registrar.renew(request, of: id, current: current, at: now) }
            let kept = try #require(try registry.store.identity(of: id)).certificates
            #expect(kept.count == AgentIdentity.maximumCertificates && kept.first == current.der)
            // The newest is the next connection's own, and its renewals push the first one out at last.
            let next = try Certificate(der: try #require(kept.last))
            for _ in 0..<10 { _ = try await registry.registrar.renew(request, of: id, current: next, at: now) }
            let later = try #require(try registry.store.identity(of: id)).certificates
            #expect(later.count == AgentIdentity.maximumCertificates && later.first == next.der)
            let stranger = try AgentID("by-hand")
            let none = try await registry.registrar.renew(request, of: stranger, current: current, at: now)
            #expect(none.certificates.isEmpty)
        }
    }
}
