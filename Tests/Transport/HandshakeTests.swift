import AssayCrypto
import Messages
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Transport

@Suite("Handshake", .timeLimit(.minutes(1))) struct HandshakeTests {
    @Test("both sides prove who they are, and share the exporter value") func mutual() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            #expect(verifier.peer.identity?.description == "web-1")
            #expect(agent.peer.identity?.description == "verifier.test")
            #expect(verifier.peer.certificate?.commonName == "agent")
            #expect(agent.peer.certificate?.commonName == "verifier")
            #expect(agent.peer.applicationProtocol == .attest)
            #expect(verifier.peer.applicationProtocol == .attest)
            #expect(agent.peer.exporter.count == 32)
            #expect(agent.peer.exporter == verifier.peer.exporter)
            #expect(verifier.peer.address.hasPrefix("127.0.0.1:"))

            let (secondAgent, secondVerifier) = try await loopback.connect()
            #expect(secondAgent.peer.exporter == secondVerifier.peer.exporter)
            #expect(secondAgent.peer.exporter != agent.peer.exporter)
            for connection in [agent, secondAgent] { await connection.close() }
            for connection in [verifier, secondVerifier] { await connection.close() }
        }
    }

    @Test("an agent without a certificate is refused by alert") func withoutCertificate() async throws {
        try await Loopback.run { loopback in
            // In TLS 1.3 the dialing side is done before the other has seen its certificate: it learns on reading.
            let agent = try await loopback.dial(\.bareAgent)
            let error = try await transportError { try await agent.receive() }
            #expect(error.tlsCode == .alert(116))  // certificate_required
            #expect(error.status.code == .unauthenticated)
            #expect(try await loopback.nextFailure().tlsCode == .certificateMissing)
        }
    }

    @Test("an agent with a stranger's certificate is refused by alert") func strangeAgent() async throws {
        try await Loopback.run { loopback in
            let agent = try await loopback.dial(\.strangerAgent)
            let error = try await transportError { try await agent.receive() }
            #expect(error.tlsCode == .alert(48))  // unknown_ca
            let failure = try await loopback.nextFailure()
            #expect(failure.tlsCode == .certificateRefused)
            #expect(failure.description.contains("unable to get local issuer certificate"))
        }
    }

    @Test("a certificate for servers doesn't serve an agent") func wrongPurpose() async throws {
        try await Loopback.run { loopback in
            let agent = try await loopback.dial(\.serverAsAgent)
            let error = try await transportError { try await agent.receive() }
            #expect(error.tlsCode == .alert(43))  // unsupported_certificate
            #expect(try await loopback.nextFailure().tlsCode == .certificateRefused)
        }
    }

    @Test("a certificate without a name is refused in words") func nameless() async throws {
        try await Loopback.run { loopback in
            let agent = try await loopback.dial(\.namelessAgent)
            guard case .status(let status) = try await agent.receive() else {
                Issue.record("no Status")
                return
            }
            #expect(status.code == .unauthenticated)
            #expect(status.message.contains("urn:assay:agent:ID"))
            #expect(try await agent.receive() == nil)
            #expect(try await loopback.nextFailure().tlsCode == .unidentified)
        }
    }

    @Test("a verifier of another authority is refused") func strangeVerifier() async throws {
        try await Loopback.run { loopback in
            let error = try await transportError { try await loopback.dial(\.agentTrustingOther) }
            #expect(error.tlsCode == .certificateRefused)
            #expect(try await loopback.nextFailure().tlsCode == .alert(48))
        }
    }

    @Test("a verifier with another name is refused", arguments: ["other.test", "127.0.0.2", "verifier.test.other"])
    func wrongName(name: String) async throws {
        try await Loopback.run { loopback in
            let error = try await transportError { try await loopback.dial(serverName: name) }
            #expect(error.tlsCode == .certificateRefused)
            #expect(error.description.contains("mismatch"))
        }
    }

    @Test("a verifier is taken by its name or its address", arguments: ["verifier.test", "127.0.0.1"])
    func rightName(name: String) async throws {
        try await Loopback.run { loopback in
            let agent = try await loopback.dial(serverName: name)
            await agent.close()
        }
    }

    @Test("a name that can't be one is refused before dialing", arguments: ["", "a\0b"])
    func impossibleName(name: String) async throws {
        try await Loopback.run { loopback in
            let error = try await transportError { try await loopback.dial(serverName: name) }
            #expect(error.tlsCode == .configuration)
        }
    }

    @Test("on assay-join/1 the agent needs no certificate, and has no identity") func join() async throws {
        try await Loopback.run(\.openVerifier) { loopback in
            let agent = try await loopback.dial(\.joiner)
            let verifier = try await loopback.accept()
            #expect(verifier.peer.applicationProtocol == .join)
            #expect(verifier.peer.identity == nil)
            #expect(verifier.peer.certificate == nil)
            #expect(agent.peer.identity?.description == "verifier.test")
            #expect(agent.peer.exporter == verifier.peer.exporter)
            await agent.close()
            await verifier.close()
        }
    }

    @Test("a verifier that also lets agents join still demands certificates on assay/1") func joinOpensNothing()
        async throws
    {
        try await Loopback.run(\.openVerifier) { loopback in
            let agent = try await loopback.dial(\.bareAgent)
            #expect(try await transportError { try await agent.receive() }.tlsCode == .alert(116))
            #expect(try await loopback.nextFailure().tlsCode == .certificateMissing)
        }
    }

    @Test("without a common ALPN protocol there is no connection") func protocols() async throws {
        try await Loopback.run { loopback in
            let error = try await transportError { try await loopback.dial(\.joiner) }
            #expect(error.tlsCode == .alert(120))  // no_application_protocol
            #expect(try await loopback.nextFailure().tlsCode == .noCommonProtocol)
        }
    }

    @Test(
        "a client with TLS 1.2, or without ALPN, is refused",
        arguments: [(["-tls1_2", "-alpn", "assay/1"], TLSError.Code.failed), ([], .noCommonProtocol)])
    func foreignClient(options: [String], code: TLSError.Code) async throws {
        let pki = try TestPKI()
        defer { pki.remove() }
        let failures = AsyncStream.makeStream(of: TransportError.self)
        let context = try pki.server([.attest, .join])
        let listener = try await AssayListener.bind(
            host: "127.0.0.1", port: 0, context: { context }, group: Loopback.group,
            onFailure: { _, error in failures.continuation.yield(error) })
        var client = try ChildProcess(
            "openssl",
            ["s_client", "-connect", "127.0.0.1:\(listener.port)", "-cert", pki.path("agent.pem")]
                + ["-key", pki.path("agent.key"), "-CAfile", pki.path("ca.pem")] + options)
        var iterator = failures.stream.makeAsyncIterator()
        #expect(await iterator.next()?.tlsCode == code)
        client.end()
        await listener.close()
    }

    @Test("a verifier with TLS 1.2 is refused") func foreignServer() async throws {
        let pki = try TestPKI()
        defer { pki.remove() }
        let port = try await Self.freePort()
        var server = try ChildProcess(
            "openssl",
            ["s_server", "-accept", "127.0.0.1:\(port)", "-tls1_2", "-alpn", "assay/1", "-www"]
                + ["-cert", pki.path("verifier.pem"), "-key", pki.path("verifier.key")])
        let context = try pki.client("agent")
        var error = TransportError.io("not tried")
        for _ in 0..<200 {
            error = try await transportError {
                try await AssayDialer.connect(host: "127.0.0.1", port: port, context: context, group: Loopback.group)
            }
            guard case .io = error else { break }
            try await Task.sleep(for: .milliseconds(20))  // it doesn't listen yet
        }
        #expect(error.tlsCode == .alert(70))  // protocol_version
        server.end()
    }

    private static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: Loopback.group).bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port
        try await channel.close()
        return try #require(port)
    }

    @Test("a client that says nothing is given up") func silentClient() async throws {
        var limits = TransportLimits()
        limits.handshakeTimeout = .milliseconds(500)
        limits.closeTimeout = .milliseconds(100)
        try await Loopback.run(limits: limits) { loopback in
            let channel = try await loopback.dialWithoutTLS()
            #expect(try await loopback.nextFailure().tlsCode == .handshakeTimedOut)
            try await channel.closeFuture.get()
        }
    }

    @Test("a server that says nothing is given up") func silentServer() async throws {
        let server = try await ServerBootstrap(group: Loopback.group).bind(host: "127.0.0.1", port: 0).get()
        var limits = TransportLimits.dialing
        limits.handshakeTimeout = .milliseconds(500)
        limits.closeTimeout = .milliseconds(100)
        let port = try #require(server.localAddress?.port)
        let context = try TestContexts.shared.get().agent
        let error = try await transportError {
            try await AssayDialer.connect(
                host: "127.0.0.1", port: port, context: context, group: Loopback.group, limits: limits)
        }
        #expect(error.tlsCode == .handshakeTimedOut)
        try await server.close()
    }

    @Test("garbage instead of a handshake, and a hang-up, harm nobody else") func garbage() async throws {
        try await Loopback.run { loopback in
            let noise = try await loopback.dialWithoutTLS()
            try await noise.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
            #expect(try await loopback.nextFailure().tlsCode == .failed)
            try? await noise.close()  // the listener may have been faster
            try await loopback.dialWithoutTLS().close()
            #expect(try await loopback.nextFailure().tlsCode == .closedInHandshake)
            let (agent, verifier) = try await loopback.connect()
            try await agent.send(.status(Samples.status))
            #expect(try await verifier.receive() == .status(Samples.status))
            await agent.close()
            await verifier.close()
        }
    }

    @Test("a listener with room for one stranger serves one after the other") func oneAtATime() async throws {
        var limits = TransportLimits()
        limits.maximumStrangers = 1
        limits.strangerGrace = .milliseconds(100)
        limits.silentGrace = .milliseconds(10)
        try await Loopback.run(limits: limits) { loopback in
            for _ in 0..<3 {
                let (agent, verifier) = try await loopback.connect()
                await agent.close()
                await verifier.close()
            }
            try await loopback.dialWithoutTLS().close()
            let (agent, verifier) = try await loopback.connect()
            await agent.close()
            await verifier.close()
        }
    }

    @Test("silent strangers don't keep an agent out, and one that has said Hello isn't closed for them")
    func crowd() async throws {
        var limits = TransportLimits()
        limits.maximumStrangers = 4
        limits.silentGrace = .milliseconds(10)
        try await Loopback.run(limits: limits) { loopback in
            let (first, known) = try await loopback.connect()
            try await first.send(.hello(Samples.hello))
            #expect(try await known.receive() == .hello(Samples.hello))
            var strangers: [any Channel] = []
            for _ in 0..<12 { strangers.append(try await loopback.dialWithoutTLS()) }
            let (agent, verifier) = try await loopback.connect()
            try await agent.send(.hello(Samples.hello))
            #expect(try await verifier.receive() == .hello(Samples.hello))
            try await strangers[0].closeFuture.get()
            try await first.send(.status(Samples.status))
            #expect(try await known.receive() == .status(Samples.status))
            for stranger in strangers { try? await stranger.close() }
            for connection in [agent, first] { await connection.close() }
        }
    }

    @Test("one source's strangers don't take the room of others, and one that has a certificate is a stranger, too")
    func share() async throws {
        var limits = TransportLimits()
        limits.maximumStrangersOfSource = 2
        limits.strangerGrace = .zero
        try await Loopback.run(limits: limits) { loopback in
            let silent = try await loopback.connect()
            let others = [try await loopback.dialWithoutTLS(), try await loopback.dialWithoutTLS()]
            #expect(try await transportError { try await silent.verifier.receive() } == .closed)
            for channel in others { try await channel.close() }
            silent.agent.abort()
        }
    }

    @Test("a name without an address is told from a host that doesn't answer") func noAddress() async throws {
        let context = try TestContexts.shared.get().agent
        let error = try await transportError {
            try await AssayDialer.connect(host: "nowhere.invalid", port: 1, context: context, group: Loopback.group)
        }
        guard case .noAddress("nowhere.invalid", let reason) = error else {
            Issue.record("another error: \(error)")
            return
        }
        #expect(!reason.isEmpty && error.status.code == .unavailable)
        #expect(error.remedy?.contains("getent hosts nowhere.invalid") == true)
        #expect(TransportError.io("x").remedy == nil)
    }

    @Test("an alert that says that a certificate has expired blames no clock and no side") func expiredAlert() {
        let remedy = TLSError(.alert(45), "handshake failed").remedy ?? ""
        #expect(remedy.contains("clocks of both hosts") && remedy.contains("invited"))
    }

    @Test("nobody listens") func nobody() async throws {
        let port = try await Self.freePort()
        let context = try TestContexts.shared.get().agent
        let error = try await transportError {
            try await AssayDialer.connect(host: "127.0.0.1", port: port, context: context, group: Loopback.group)
        }
        guard case .io = error else {
            Issue.record("another error: \(error)")
            return
        }
    }

    @Test("a port in use can't be bound") func portInUse() async throws {
        try await Loopback.run { loopback in
            let error = try await transportError {
                try await AssayListener.bind(
                    host: "127.0.0.1", port: loopback.listener.port, context: { loopback.contexts.verifier },
                    group: Loopback.group)
            }
            guard case .io = error else {
                Issue.record("another error: \(error)")
                return
            }
        }
    }
}
