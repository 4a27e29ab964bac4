import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("TLS without a socket") struct TLSEngineTests {
    private let contexts = TestContexts.shared

    private func engines() throws -> (client: TLSEngine, server: TLSEngine) {
        let contexts = try contexts.get()
        return (
            try TLSEngine(context: contexts.agent, serverName: "verifier.test"),
            try TLSEngine(context: contexts.verifier, serverName: nil)
        )
    }

    /// Runs the handshake, handing over `step` bytes at a time.
    private func connect(_ client: TLSEngine, _ server: TLSEngine, step: Int = .max) throws {
        var isDone = (client: false, server: false)
        while !isDone.client || !isDone.server {
            isDone.client = try client.handshake()
            try deliver(from: client, step) {
                server.receive($0)
                isDone.server = try server.handshake()
            }
            try deliver(from: server, step) {
                client.receive($0)
                isDone.client = try client.handshake()
            }
        }
    }

    private func deliver(from engine: TLSEngine, _ step: Int, _ body: (ByteBuffer) throws -> Void) rethrows {
        guard var output = engine.takeOutput() else { return }
        while let part = output.readSlice(length: min(step, output.readableBytes)), part.readableBytes > 0 {
            try body(part)
        }
    }

    @Test("a handshake survives any cut of its bytes", arguments: [1, 7, 100])
    func steps(step: Int) throws {
        let (client, server) = try engines()
        try connect(client, server, step: step)
        #expect(try client.session().exporter == server.session().exporter)
    }

    @Test("no ticket follows the handshake: nobody resumes past the certificate check") func noTicket() throws {
        let (client, server) = try engines()
        try connect(client, server)
        #expect(server.takeOutput() == nil)
        #expect(client.takeOutput() == nil)
    }

    @Test("a changed byte anywhere in a record is noticed") func tampering() throws {
        for index in [5, 6, 20, 120] {
            let (client, server) = try engines()
            try connect(client, server)
            try client.write(ByteBuffer(repeating: 1, count: 100))
            var record = try #require(client.takeOutput())
            #expect(record.readableBytes == 122)
            let byte = try #require(record.getInteger(at: index, as: UInt8.self))
            record.setInteger(byte ^ 0x10, at: index)
            server.receive(record)
            var plaintext = ByteBuffer()
            let error = #expect(throws: TLSError.self) { try server.read(into: &plaintext) }
            #expect(error?.code == .failed)
            #expect(plaintext.readableBytes == 0)
            #expect(server.takeOutput() != nil)  // the alert
        }
    }

    @Test("close_notify is told apart from a pause") func closeNotify() throws {
        let (client, server) = try engines()
        try connect(client, server)
        try client.write(ByteBuffer(string: "last"))
        client.shutdown()
        server.receive(try #require(client.takeOutput()))
        var plaintext = ByteBuffer()
        #expect(try server.read(into: &plaintext) == .closedByPeer)
        #expect(String(buffer: plaintext) == "last")
        #expect(try client.read(into: &plaintext) == .needsMoreBytes)
    }
}

/// Answers inside `channelRead`: the way that confuses a handler which asks libssl for its error too late.
private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(data, promise: nil)
        context.close(promise: nil)
    }
}

@Suite("TLS in a pipeline") struct TLSHandlerTests {
    private struct Side {
        let channel = EmbeddedChannel()
        let established: EventLoopFuture<TLSEngine.Session>

        init(_ context: TLSContext, serverName: String?, limits: TransportLimits = TransportLimits()) throws {
            let promise = channel.eventLoop.makePromise(of: TLSEngine.Session.self)
            established = promise.futureResult
            let handler = try TLSHandler(
                context: context, serverName: serverName, limits: limits, established: promise)
            try channel.pipeline.syncOperations.addHandler(handler)
        }

        func activate() throws {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }
    }

    private func pair() throws -> (client: Side, server: Side) {
        let contexts = try TestContexts.shared.get()
        return (
            try Side(contexts.agent, serverName: "verifier.test"), try Side(contexts.verifier, serverName: nil)
        )
    }

    private func exchange(_ client: Side, _ server: Side) throws {
        var isMoving = true
        while isMoving {
            isMoving = false
            while let bytes = try client.channel.readOutbound(as: ByteBuffer.self) {
                try server.channel.writeInbound(bytes)
                isMoving = true
            }
            while let bytes = try server.channel.readOutbound(as: ByteBuffer.self) {
                try client.channel.writeInbound(bytes)
                isMoving = true
            }
        }
    }

    @Test("an answer, and a close, from inside the read are safe") func reentrancy() throws {
        let (client, server) = try pair()
        try server.channel.pipeline.syncOperations.addHandler(Echo())
        try client.activate()
        try server.activate()
        try exchange(client, server)
        #expect(try client.established.wait().exporter == server.established.wait().exporter)
        try client.channel.writeOutbound(ByteBuffer(string: "hello"))
        try exchange(client, server)
        #expect(try client.channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "hello"))
        #expect(!client.channel.isActive)
        #expect(!server.channel.isActive)
    }

    @Test("nothing is queued before the handshake is done") func earlyWrite() throws {
        let (client, _) = try pair()
        try client.activate()
        #expect(throws: TransportError.closed) { try client.channel.writeOutbound(ByteBuffer(string: "early")) }
        client.channel.close(promise: nil)
        #expect(throws: TransportError.closed) { try client.established.wait() }
    }

    @Test("the handshake has its time, and the silent peer of a close too") func timers() throws {
        let (client, _) = try pair()
        try client.activate()
        client.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(client.channel.isActive)
        client.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        let error = #expect(throws: TransportError.self) { try client.established.wait() }
        #expect(error?.tlsCode == .handshakeTimedOut)
        client.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!client.channel.isActive)

        let (second, server) = try pair()
        try second.activate()
        try server.activate()
        try exchange(second, server)
        let closed = [second.channel.close(), second.channel.close()]
        second.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1999))
        #expect(second.channel.isActive)
        second.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        for future in closed { try future.wait() }
        #expect(!second.channel.isActive)
        server.channel.close(promise: nil)
        server.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
    }
}
