import Foundation
import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// A server on loopback that takes one request after the other and gives each the same answer, whatever it is.
final class OneAnswerServer: Sendable {
    private let channel: any Channel
    private let received: Received

    /// - Parameter answer: nil keeps silent; an empty one hangs up.
    init(answer: String?) throws {
        let received = Received()
        self.received = received
        channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answering(received: received, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
    }

    var port: Int { channel.localAddress?.port ?? 0 }

    /// All that came.
    var request: String { received.text.withLock(\.self) }

    func stop() { try? channel.close().wait() }

    final class Received: Sendable {
        let text = Mutex("")
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let received: Received
        private let answer: String?

        init(received: Received, answer: String?) {
            self.received = received
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            let isWhole = received.text.withLock { text in
                text += String(buffer: bytes)
                return text.hasSuffix("}")
            }
            guard isWhole, let answer else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
            context.close(promise: nil)
        }
    }
}

/// An HTTPS server of somebody else's making: the openssl command, whose standard input goes to the peer.
final class SecureAnswerServer: Sendable {
    let port: Int
    private let output: URL
    private let input = Pipe()
    private let id: Int32

    init(_ pki: TestPKI) throws {
        port = try freePort()
        output = pki.folder.appending(path: "requests")
        try Data().write(to: output)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "s_server", "-quiet", "-accept", "127.0.0.1:\(port)", "-cert", pki.path("verifier.pem"), "-key",
            pki.path("verifier.key"),
        ]
        process.standardInput = input
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        id = process.processIdentifier
        for _ in 0..<500 where (try? httpGet(port: port, path: "/")) == nil { usleep(20_000) }
    }

    /// All that came.
    var request: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

    /// Waits for the words in a request, and answers it.
    func answer(_ words: String, _ answer: String) async throws {
        while !request.contains(words) { try await Task.sleep(for: .milliseconds(5)) }
        try input.fileHandleForWriting.write(contentsOf: Data(answer.utf8))
    }

    func stop() { kill(id, SIGKILL) }
}

/// A port that nobody had a moment ago.
func freePort() throws -> Int {
    let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0)
        .wait()
    defer { try? channel.close().wait() }
    return channel.localAddress?.port ?? 0
}
