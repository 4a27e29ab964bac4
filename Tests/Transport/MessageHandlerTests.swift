import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import Transport

/// Counts the reads that reach the socket.
final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}

/// What a consumer got.
private final class Receptions: Sendable {
    private let list = Mutex<[Result<String?, TransportError>]>([])
    var all: [Result<String?, TransportError>] { list.withLock { $0 } }

    func append(_ reception: MessageHandler.Reception) {
        list.withLock { $0.append(reception.map { $0.map { String(buffer: $0) } }) }
    }
}

@Suite("Handing frames over") struct MessageHandlerTests {
    private let channel = EmbeddedChannel()
    private let reads = ReadCounter()
    private let handler: MessageHandler
    private let got = Receptions()

    init() throws {
        var limits = TransportLimits()
        limits.firstMessageBytes = 8
        limits.messageBytes = 64
        limits.transferGrace = .seconds(10)
        handler = MessageHandler(limits: limits)
        try channel.pipeline.syncOperations.addHandlers(reads, handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func frame(_ text: String) -> ByteBuffer {
        ByteBuffer(bytes: [0, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8))
    }

    private func receive(_ number: UInt64) {
        handler.receive(number) { [got] in got.append($0) }
    }

    @Test("reads on while it is awaited, and stops with one frame ahead") func reading() throws {
        let start = reads.count
        receive(1)
        try channel.writeInbound(frame("one"))
        #expect(got.all == [.success("one")])
        handler.acceptFirst()
        channel.read()
        #expect(reads.count == start + 1)
        try channel.writeInbound(frame("two"))
        try channel.writeInbound(frame("three"))
        channel.read()
        #expect(reads.count == start + 1)
        receive(2)  // "three" is whole already: still no reason to read
        #expect(reads.count == start + 1)
        receive(3)
        #expect(reads.count == start + 2)
        #expect(got.all == [.success("one"), .success("two"), .success("three")])
        _ = try channel.finish()
    }

    @Test("looks at no second header before the first message is accepted") func acceptance() throws {
        var bytes = frame("one")
        bytes.writeImmutableBuffer(frame("longer than eight"))
        try channel.writeInbound(bytes)
        receive(1)
        receive(2)
        #expect(got.all == [.success("one")])
        handler.acceptFirst()
        #expect(got.all == [.success("one"), .success("longer than eight")])
        _ = try channel.finish()
    }

    @Test("hands over what came before the end, then the end, for ever") func end() throws {
        receive(1)
        try channel.writeInbound(frame("one"))
        handler.acceptFirst()
        var bytes = frame("two")
        bytes.writeImmutableBuffer(frame("three"))
        try channel.writeInbound(bytes)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        _ = try channel.finish()
        for number in UInt64(2)...5 { receive(number) }
        #expect(got.all == [.success("one"), .success("two"), .success("three"), .success(nil), .success(nil)])
    }

    @Test("a cancelled call is answered, even if it arrives after its cancellation") func cancellation() throws {
        receive(1)
        handler.cancelReceive(1)
        handler.cancelReceive(2)
        receive(2)
        receive(3)
        handler.cancelReceive(2)
        try channel.writeInbound(frame("one"))
        #expect(got.all == [.failure(.cancelled), .failure(.cancelled), .success("one")])
        _ = try channel.finish()
    }

    @Test("a deadline counts for the peer's time, not for the consumer's") func deadline() throws {
        receive(1)
        try channel.writeInbound(frame("one"))
        handler.acceptFirst()
        handler.setDeadline(.seconds(5), awaiting: "two")
        try channel.writeInbound(frame("two"))
        handler.setDeadline(.seconds(5), awaiting: "three")
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        receive(2)
        handler.setDeadline(.seconds(5), awaiting: "three")
        try channel.writeInbound(ByteBuffer(bytes: [0, 0, 0]))  // a part of a message meets no deadline
        channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        receive(3)
        let exceeded = TransportError.deadlineExceeded(DeadlineExceeded(awaited: "three", waited: .seconds(5)))
        #expect(got.all == [.success("one"), .success("two"), .failure(exceeded)])
        _ = try channel.finish()
    }

    @Test("a frame that stalls is given up, one whose consumer rests isn't") func stall() throws {
        receive(1)
        try channel.writeInbound(frame("one"))
        handler.acceptFirst()
        var bytes = frame("two")
        bytes.writeBytes([0, 0, 0, 0, 3, 0x61])
        try channel.writeInbound(bytes)
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        receive(2)
        #expect(got.all == [.success("one"), .success("two")])
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        receive(3)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        guard case .failure(.deadlineExceeded(let exceeded)) = got.all.last else {
            Issue.record("no deadline: \(got.all)")
            return
        }
        #expect(exceeded.awaited == "end of a frame of 8 bytes")
        _ = try channel.finish()
    }

    @Test("a damaged stream is told as such, not as a truncated frame") func damaged() throws {
        let error = TransportError.tls(TLSError(.failed, "bad record mac"))
        try channel.writeInbound(ByteBuffer(bytes: [0, 0]))
        channel.pipeline.fireErrorCaught(error)
        receive(1)
        #expect(got.all == [.failure(error)])
        _ = try? channel.finish()
    }
}
