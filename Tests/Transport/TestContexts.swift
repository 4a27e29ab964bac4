import TestSupport
import Transport

extension TestPKI {
    func credentials(_ name: String) -> TLSContext.Credentials {
        .init(certificateChainFile: path("\(name).pem"), privateKeyFile: path("\(name).key"))
    }

    func server(_ protocols: [ApplicationProtocol] = [.attest], trusting root: String = "ca") throws -> TLSContext {
        try .server(credentials: credentials("verifier"), trustRootsFile: path("\(root).pem"), protocols: protocols)
    }

    func client(
        _ name: String?, _ protocol: ApplicationProtocol = .attest, trusting root: String = "ca"
    ) throws -> TLSContext {
        try .client(
            credentials: name.map(credentials), trustRootsFile: path("\(root).pem"), protocol: `protocol`)
    }
}

/// The contexts that the tests share. They are in memory: the folder is gone once they are made.
struct TestContexts {
    let verifier, openVerifier, joinVerifier, verifierTrustingOther: TLSContext
    let agent, bareAgent, namelessAgent, strangerAgent, agentTrustingOther, joiner, serverAsAgent: TLSContext

    static let shared = Result { try TestContexts() }

    private init() throws {
        let pki = try TestPKI()
        defer { pki.remove() }
        verifier = try pki.server()
        openVerifier = try pki.server([.attest, .join])
        joinVerifier = try pki.server([.join])
        verifierTrustingOther = try pki.server(trusting: "other-ca")
        agent = try pki.client("agent")
        bareAgent = try pki.client(nil)
        namelessAgent = try pki.client("nameless")
        strangerAgent = try pki.client("stranger")
        agentTrustingOther = try pki.client("agent", trusting: "other-ca")
        joiner = try pki.client(nil, .join)
        serverAsAgent = try pki.client("verifier")
    }
}
