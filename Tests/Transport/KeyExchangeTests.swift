import COpenSSL
import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("The key exchange") struct KeyExchangeTests {
    /// A client of the tests' own whose groups they choose; the shared contexts stay as they are.
    private func handshake(client: TLSContext, groups: String) throws {
        let contexts = try TestContexts.shared.get()
        let client = try TLSEngine(context: client, serverName: "verifier.test")
        let server = try TLSEngine(context: contexts.verifier, serverName: nil)
        // SSL_set1_groups_list is a macro of this call.
        var list = Array(groups.utf8CString)
        guard SSL_ctrl(client.ssl, SSL_CTRL_SET_GROUPS_LIST, 0, &list) == 1 else {
            throw TLSError(.configuration, groups)
        }
        while true {
            let isDone = try client.handshake()
            if let output = client.takeOutput() { server.receive(output) }
            _ = try server.handshake()
            if isDone { return }
            guard let output = server.takeOutput() else { continue }
            client.receive(output)
        }
    }

    @Test("is over X25519, P-256 or P-384", arguments: ["X25519", "P-256", "P-384", "P-521:P-384", "ffdhe2048:P-256"])
    func taken(groups: String) throws {
        try handshake(client: TestContexts.shared.get().agent, groups: groups)
    }

    @Test(
        "is over nothing else: no finite field, which costs the server more than it costs the client",
        arguments: ["ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192", "X448", "P-521"])
    func refused(groups: String) throws {
        let error = #expect(throws: TLSError.self) {
            try handshake(client: TestContexts.shared.get().agent, groups: groups)
        }
        #expect(error?.code == .failed)
        #expect(error?.detail.contains("suitable key share") == true, "\(String(describing: error))")
    }

    @Test("has X25519MLKEM768 where libssl has it") func hybrid() throws {
        let hasIt = OpenSSL_version_num() >= 0x3050_0000
        let result = Result { try handshake(client: TestContexts.shared.get().agent, groups: "X25519MLKEM768") }
        switch result {
        case .success: #expect(hasIt)
        case .failure(let error): #expect(!hasIt && (error as? TLSError)?.code == .configuration)
        }
    }
}

/// Takes what is written, and keeps it from the socket until it is told.
private final class Clog: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private(set) var bytes = 0
    private var waiting: [EventLoopPromise<Void>] = []
    var isOpen = true

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isOpen { return context.write(data, promise: promise) }
        bytes += unwrapOutboundIn(data).readableBytes
        if let promise { waiting.append(promise) }
    }

    func open() {
        isOpen = true
        let all = waiting
        waiting = []
        for promise in all { promise.succeed() }
    }
}

@Suite("A peer that has keys changed") struct KeyUpdateTests {
    @Test("and doesn't read the answers is not read any more, until it does") func backPressure() throws {
        let contexts = try TestContexts.shared.get()
        let client = try TLSEngine(context: contexts.agent, serverName: "verifier.test")
        let channel = EmbeddedChannel()
        let clog = Clog()
        let reads = ReadCounter()
        let established = channel.eventLoop.makePromise(of: TLSEngine.Session.self)
        let tls = try TLSHandler(
            context: contexts.verifier, serverName: nil, limits: TransportLimits(), established: established)
        try channel.pipeline.syncOperations.addHandlers(reads, clog, tls)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        while try !client.handshake() {
            if let output = client.takeOutput() { try channel.writeInbound(output) }
            while let output = try channel.readOutbound(as: ByteBuffer.self) { client.receive(output) }
        }
        try channel.writeInbound(try #require(client.takeOutput()))
        _ = try established.futureResult.wait()

        clog.isOpen = false
        var sent = 0
        let start = reads.count
        for _ in 0..<4000 {
            #expect(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(client.ssl) == 1)
            let before = reads.count
            channel.read()
            // As a socket would: what isn't read stays with the peer.
            guard reads.count > before else { break }
            let update = try #require(client.takeOutput())
            sent += update.readableBytes
            try channel.writeInbound(update)
        }
        #expect(clog.bytes > TLSHandler.maximumUnsentReplies)
        #expect(clog.bytes < TLSHandler.maximumUnsentReplies + 100 && sent < 2 * TLSHandler.maximumUnsentReplies)
        let held = reads.count
        #expect(held > start)
        channel.read()
        #expect(reads.count == held)
        clog.open()
        channel.embeddedEventLoop.run()
        #expect(reads.count == held + 1)
        try channel.triggerUserOutboundEvent(TLSHandler.Abort()).wait()
        _ = try? channel.finish()
    }
}
