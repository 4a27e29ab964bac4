import Glibc
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import Transport

/// What a gate has said.
private final class Crowdings: Sendable {
    private let list = Mutex<[Crowding]>([])
    var all: [Crowding] { list.withLock { $0 } }
    func append(_ crowding: Crowding) { list.withLock { $0.append(crowding) } }
}

@Suite("Accepting") struct AcceptGateTests {
    private let listening = EmbeddedChannel()
    private let reads = ReadCounter()
    private let said = Crowdings()

    private func gate(
        strangers: Int = 100, ofSource: Int = 100, connections: Int = 100,
        silentGrace: Duration = .milliseconds(500)
    ) throws -> AcceptGate {
        var limits = TransportLimits()
        limits.maximumStrangers = strangers
        limits.maximumStrangersOfSource = ofSource
        limits.maximumConnections = connections
        limits.strangerGrace = .milliseconds(500)
        limits.silentGrace = silentGrace
        let gate = AcceptGate(limits: limits) { [said] in said.append($0) }
        try listening.pipeline.syncOperations.addHandlers(reads, gate)
        return gate
    }

    private func accept(from address: String = "192.0.2.1") throws -> EmbeddedChannel {
        let child = EmbeddedChannel()
        child.remoteAddress = try SocketAddress(ipAddress: address, port: 1)
        try listening.writeInbound(child as any Channel)
        settle([child])
        return child
    }

    /// Lets a closed child's end come back to the gate.
    private func settle(_ children: [EmbeddedChannel]) {
        for child in children { child.embeddedEventLoop.run() }
        listening.embeddedEventLoop.run()
    }

    private func isOpen(_ child: EmbeddedChannel) -> Bool {
        let isOpen = Mutex(true)
        child.closeFuture.whenComplete { _ in isOpen.withLock { $0 = false } }
        child.embeddedEventLoop.run()
        return isOpen.withLock { $0 }
    }

    @Test("for one more than there is room for, the oldest stranger goes, once it has had its time")
    func oldest() throws {
        let gate = try gate(strangers: 2)
        let children = [try accept(), try accept()]
        listening.read()
        #expect(reads.count == 0 && said.all == [.strangers])
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(499))
        #expect(reads.count == 0 && isOpen(children[0]))
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(reads.count == 1 && !isOpen(children[0]) && isOpen(children[1]))
        let third = try accept()
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(500))
        listening.read()
        #expect(reads.count == 2 && !isOpen(children[1]) && isOpen(third))
        gate.admit(third)
        settle(children)
        _ = try listening.finish()
    }

    @Test("one that has said nothing goes before one that has") func silent() throws {
        let gate = try gate(strangers: 3, ofSource: 3, silentGrace: .milliseconds(50))
        let children = [try accept(), try accept(), try accept()]
        gate.hear(children[0])
        listening.read()
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(50))
        #expect(reads.count == 1 && isOpen(children[0]) && !isOpen(children[1]) && isOpen(children[2]))
        _ = try accept()
        let hasty = try accept()
        #expect(isOpen(hasty) && isOpen(children[0]) && !isOpen(children[2]))
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(450))
        _ = try accept()
        #expect(!isOpen(children[0]))
        _ = try listening.finish()
    }

    @Test("who has proved who it is stays, and makes room") func admitted() throws {
        let gate = try gate(strangers: 2)
        let children = [try accept(), try accept()]
        listening.read()
        gate.admit(children[0])
        #expect(reads.count == 1)
        let third = try accept()
        listening.embeddedEventLoop.advanceTime(by: .seconds(1))
        listening.read()
        #expect(isOpen(children[0]) && !isOpen(children[1]) && isOpen(third))
        _ = try listening.finish()
    }

    @Test("a source that has its share loses its own oldest, and no other's") func share() throws {
        _ = try gate(ofSource: 2)
        let others = [try accept(from: "192.0.2.2"), try accept(from: "2001:db8::1")]
        let crowd = [try accept(), try accept()]
        // Another one at once: the newest goes, for the others may be in the midst of a handshake.
        let hasty = try accept()
        #expect(!isOpen(hasty) && isOpen(crowd[0]))
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(500))
        let later = try accept()
        #expect(!isOpen(crowd[0]) && isOpen(crowd[1]) && isOpen(later))
        #expect(others.allSatisfy(isOpen))
        #expect(Set(said.all.map(\.limit)) == ["source"])
        #expect(said.all.first?.description.contains("from 192.0.2.1 ") == true)
        _ = try listening.finish()
    }

    @Test("an IPv6 network of 64 bits is one source, an IPv4 address is one on either socket")
    func sources() throws {
        func source(_ address: String) throws -> PeerSource {
            PeerSource(try SocketAddress(ipAddress: address, port: 9))
        }
        #expect(try source("2001:db8:1:2::1") == source("2001:db8:1:2:ffff::9"))
        #expect(try source("2001:db8:1:2::1") != source("2001:db8:1:3::1"))
        #expect(try source("::ffff:192.0.2.1") == source("192.0.2.1"))
        #expect(try source("192.0.2.1") != source("192.0.2.2"))
        #expect(try source("2001:db8:1:2::1").description == "2001:db8:1:2::/64")
        #expect(try source("192.0.2.1").description == "192.0.2.1")
    }

    @Test("with all connections taken, strangers go, agents stay, and the rest waits") func connections() throws {
        let gate = try gate(connections: 2)
        let agent = try accept()
        gate.admit(agent)
        let stranger = try accept()
        listening.read()
        #expect(reads.count == 0 && said.all == [.connections(2)])
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(500))
        settle([stranger])
        #expect(!isOpen(stranger) && isOpen(agent) && reads.count == 1)
        let second = try accept()
        gate.admit(second)
        listening.read()
        listening.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(reads.count == 1)
        _ = try agent.finish()
        settle([agent])
        #expect(reads.count == 2)
        _ = try listening.finish()
    }

    @Test("without descriptors nothing is read for a second", arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func descriptors(number: Int32) throws {
        _ = try gate()
        listening.pipeline.fireErrorCaught(IOError(errnoCode: number, reason: "accept"))
        #expect(said.all == [.descriptors])
        #expect(autoRead == false)
        listening.read()
        #expect(reads.count == 0)
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(autoRead == false && reads.count == 0)
        listening.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(autoRead == true && reads.count == 1)
        listening.pipeline.fireErrorCaught(IOError(errnoCode: ECONNABORTED, reason: "accept"))
        #expect(said.all == [.descriptors])
        #expect(throws: IOError.self) { try listening.throwIfErrorCaught() }
        _ = try listening.finish()
    }

    /// What the channel was told last.
    private var autoRead: Bool? {
        listening.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool
    }
}
