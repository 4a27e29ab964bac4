import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Accepting") struct AcceptGateTests {
    private let listening = EmbeddedChannel()
    private let reads = ReadCounter()

    private func gate(handshakes: Int, connections: Int) throws -> AcceptGate {
        var limits = TransportLimits()
        limits.maximumHandshakes = handshakes
        limits.maximumConnections = connections
        let gate = AcceptGate(limits: limits)
        try listening.pipeline.syncOperations.addHandlers(reads, gate)
        return gate
    }

    private func accept() throws -> EmbeddedChannel {
        let child = EmbeddedChannel()
        try listening.writeInbound(child as any Channel)
        return child
    }

    @Test("pauses while handshakes are in flight") func handshakes() throws {
        let gate = try gate(handshakes: 2, connections: 100)
        let children = [try accept(), try accept()]
        listening.read()
        #expect(reads.count == 0)
        gate.handshakeEnded()
        #expect(reads.count == 1)
        listening.read()
        #expect(reads.count == 2)
        for child in children { _ = try child.finish() }
        _ = try listening.finish()
    }

    @Test("pauses while connections are open") func connections() throws {
        let gate = try gate(handshakes: 100, connections: 2)
        let children = [try accept(), try accept()]
        for _ in children { gate.handshakeEnded() }
        listening.read()
        #expect(reads.count == 0)
        _ = try children[0].finish()
        children[0].embeddedEventLoop.run()
        listening.embeddedEventLoop.run()
        #expect(reads.count == 1)
        _ = try children[1].finish()
        _ = try listening.finish()
    }
}
