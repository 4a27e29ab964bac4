import AssayCrypto
import Messages
import TPM
import Testing

@testable import Attester

@Suite("An agent's session renews its certificate") struct RenewalTests {
    private let issued = CertificateIssued(agentID: [1], certificates: [[2]], authorities: [])
    private let request = RenewRequest(certificateRequest: [3])

    private func session() -> AttesterSession {
        AttesterSession(binding: .init(agentID: [1], attestationKeyName: [2], exporter: []))
    }

    @Test("by one request, and takes one answer") func once() {
        var session = session()
        #expect(session.renew(request) == [.send(.renewRequest(request))])
        #expect(session.renew(request).isEmpty)
        #expect(session.receive(.certificateIssued(issued)) == [.certificate(issued)])
        #expect(session.renew(request) == [.send(.renewRequest(request))])
    }

    @Test("and refuses a certificate that it didn't ask for") func unasked() {
        var session = session()
        guard case .close(let status, true)? = session.receive(.certificateIssued(issued)).first else {
            Issue.record("not refused")
            return
        }
        #expect(status.code == .invalidArgument)
    }

    @Test("also while a round is under way") func meanwhile() {
        var session = session()
        _ = session.renew(request)
        let challenge = Challenge(
            round: 1, nonce: [UInt8](repeating: 0, count: 32), banks: [.sha256], pcrs: PCRSet([10]), firstRecord: 0,
            shardBytes: 1 << 20, window: 4)
        #expect(session.receive(.challenge(challenge)).count == 1)
        #expect(session.receive(.certificateIssued(issued)) == [.certificate(issued)])
        #expect(!session.isIdle)
    }
}
