import Doctor
import Foundation
import Messages
import NIOPosix
import SystemPackage
import TPMDevice
import TestSupport
import Testing
import Transport

@Suite("A verifier, dialled by the doctor", .serialized) struct VerifierProbeTests {
    private static let group = MultiThreadedEventLoopGroup.singleton

    /// What the doctor sees of a verifier that trusts `ca`, with these certificates of its own.
    private func state(
        certificate: String, trust: String = "ca", name: String = "127.0.0.1", port: Int? = nil,
        answer: Status? = nil
    ) async throws -> (HostFacts.CertificateState, HostFacts.VerifierState) {
        let pki = try TestPKI()
        defer { pki.remove() }
        let context = try TLSContext.server(
            credentials: .init(
                certificateChainFile: pki.path("verifier.pem"), privateKeyFile: pki.path("verifier.key")),
            trustRootsFile: pki.path("ca.pem"))
        let listener = try await AssayListener.bind(host: "127.0.0.1", port: 0, context: { context }, group: Self.group)
        let serving = Task {
            for await connection in listener.connections {
                Task {
                    // Of itself it says nothing: a host that is silent is answered with silence.
                    guard case .status(let question)? = try? await connection.receive(), question.code == .ok else {
                        return
                    }
                    await connection.close(sending: answer.map(VerifierMessage.status))
                }
            }
        }
        let probe = HostProbe(
            tcti: "swtpm:host=127.0.0.1,port=9", keyFile: AttestationKeyFile(path: pki.path("none")),
            logPath: FilePath(pki.path("none")), stateFolder: FilePath(pki.folder.path),
            shardsFolder: FilePath(pki.folder.path),
            certificateFile: pki.path("\(certificate).pem"),
            verifier: .init(
                host: "127.0.0.1", port: port ?? listener.port, name: name,
                credentials: .init(
                    certificateChainFile: pki.path("\(certificate).pem"),
                    privateKeyFile: pki.path("\(certificate).key")),
                trustFile: pki.path("\(trust).pem")))
        let facts = await probe.facts()
        await listener.close()
        await serving.value
        return (facts.certificate, facts.verifier)
    }

    private func problem(_ state: HostFacts.VerifierState) throws -> HostFacts.Problem {
        guard case .fails(let problem) = state else { throw Unmet(state: state) }
        return problem
    }

    private struct Unmet: Error { let state: HostFacts.VerifierState }

    @Test("is asked how the host stands, and its words decide")
    func answers() async throws {
        let (certificate, verifier) = try await state(certificate: "agent", answer: Status(.ok, "welcome"))
        guard case .present(_, let identity) = certificate else {
            Issue.record("\(certificate)")
            return
        }
        #expect(identity == "web-1")
        guard case .welcomes(_, "welcome") = verifier else { throw Unmet(state: verifier) }
        let cautious = try await state(certificate: "agent", answer: Status(.failedPrecondition, "no policy")).1
        guard case .cautions(_, "no policy") = cautious else { throw Unmet(state: cautious) }
    }

    @Test(
        "that refuses the host for whatever reason isn't content",
        arguments: Status.Code.allCases.filter { ![.ok, .failedPrecondition].contains($0) })
    func refusals(code: Status.Code) async throws {
        let problem = try problem(try await state(certificate: "agent", answer: Status(code, "not you")).1)
        #expect(problem.reason.contains("\(code.name): not you") && !problem.remedy.isEmpty)
    }

    @Test("that hangs up without a word hasn't said that the host is welcome") func silent() async throws {
        let verifier = try await state(certificate: "agent").1
        guard case .answers = verifier else { throw Unmet(state: verifier) }
    }

    @Test("refuses another authority's certificate, which shows only after the handshake") func refuses() async throws {
        let problem = try problem(try await state(certificate: "stranger").1)
        #expect(problem.remedy.contains("verifier's log") || problem.remedy.contains("peer's log"))
    }

    @Test("isn't believed with another authority's certificate, or another name") func impostors() async throws {
        let foreign = try problem(try await state(certificate: "agent", trust: "other-ca").1)
        #expect(foreign.remedy.contains("trust roots"))
        let misnamed = try problem(try await state(certificate: "agent", name: "other.example").1)
        #expect(misnamed.reason.contains("127.0.0.1"))
    }

    @Test("that isn't there is told with its address") func absent() async throws {
        let problem = try problem(try await state(certificate: "agent", port: 9).1)
        #expect(problem.reason.contains("127.0.0.1:9") && problem.remedy.contains("serve"))
    }

    @Test("isn't dialled with a certificate that names nobody") func nameless() async throws {
        let (certificate, verifier) = try await state(certificate: "nameless")
        guard case .fails(let problem) = certificate else {
            Issue.record("\(certificate)")
            return
        }
        #expect(problem.remedy.contains("tls.certificate"))
        #expect(verifier == .notTried)
    }
}
