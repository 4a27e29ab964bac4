import AssayCrypto
import Bytes
import Messages
import NIOCore
import Synchronization
import Testing

@testable import Transport

/// Counts across tasks.
private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increment() { count.withLock { $0 += 1 } }
}

@Suite("Connection", .timeLimit(.minutes(1))) struct ConnectionTests {
    private static func shard(_ bytes: Int, _ number: UInt64 = 0) -> LogShard {
        LogShard(
            round: 1, firstRecord: number, recordCount: 1,
            records: [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
                for index in 0..<bytes {
                    buffer.initializeElement(at: index, to: UInt8(truncatingIfNeeded: index &* 31))
                }
                count = bytes
            }, moreDataPending: true, recordsRemaining: 1, bytesRemaining: 1)
    }

    /// What a verdict with so much text is, and what is read of it.
    private static func result(textBytes: Int) -> (sent: VerifierMessage, read: VerifierMessage) {
        var finding = ReportedFinding(
            reason: "not_in_policy", record: 1, path: [], found: String(repeating: "x", count: textBytes), expected: "",
            remedy: "", isWarning: false)
        var result = AttestationResult(round: 1, tier: .warning, nextRecord: 1, findings: [finding])
        let sent = result
        finding.found = escaped(text: finding.found)
        result.findings = [finding]
        return (.attestationResult(sent), .attestationResult(result))
    }

    @Test("every message arrives as it was sent") func messages() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            for message in Samples.fromAgent {
                try await agent.send(message)
                #expect(try await verifier.receive() == message)
            }
            for message in Samples.fromVerifier {
                try await verifier.send(message)
                #expect(try await agent.receive() == message)
            }
            await agent.close()
            #expect(try await verifier.receive() == nil)
            #expect(try await verifier.receive() == nil)
            await verifier.close()
        }
    }

    @Test("large messages arrive, both ways", arguments: [1 << 20, 4 << 20 - 100])
    func large(bytes: Int) async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.send(.hello(Samples.hello))
            #expect(try await verifier.receive() == .hello(Samples.hello))
            try await verifier.send(.challenge(Samples.challenge))
            #expect(try await agent.receive() == .challenge(Samples.challenge))
            let shard = AgentMessage.logShard(Self.shard(bytes))
            async let received = verifier.receive()
            try await agent.send(shard)
            #expect(try await received == shard)
            let result = Self.result(textBytes: bytes)
            async let answer = agent.receive()
            try await verifier.send(result.sent)
            #expect(try await answer == result.read)
            await agent.close()
            await verifier.close()
        }
    }

    @Test("a message over the limit stays at home, and the connection lives") func tooLargeToSend() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            let error = try await transportError { try await agent.send(.logShard(Self.shard(4 << 20))) }
            guard case .message(let refusal) = error, case .tooLarge(_, limit: 4 << 20) = refusal.code else {
                Issue.record("another error: \(error)")
                return
            }
            try await agent.send(.hello(Samples.hello))
            #expect(try await verifier.receive() == .hello(Samples.hello))
            await agent.close()
            await verifier.close()
        }
    }

    @Test("a consumer that rests stops its peer, and loses nothing") func backPressure() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.send(.hello(Samples.hello))
            _ = try await verifier.receive()
            let count = 64
            let sent = Counter()
            let sending = Task {
                for number in 0..<count {
                    try await agent.send(.logShard(Self.shard(1 << 20, UInt64(number))))
                    sent.increment()
                }
            }
            var before = -1
            while before != sent.value || before == 0 {
                before = sent.value
                try await Task.sleep(for: .milliseconds(300))
            }
            // What the kernel's buffers of both sockets hold, at most a few MiB each, and one shard read ahead.
            #expect(before < count / 2)
            for number in 0..<count {
                #expect(try await verifier.receive() == .logShard(Self.shard(1 << 20, UInt64(number))))
            }
            try await sending.value
            await agent.close()
            await verifier.close()
        }
    }

    @Test("a session may run on its connection's event loop") func taskExecutor() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            let echo = Task(executorPreference: verifier.taskExecutor) {
                while case .status(let status) = try await verifier.receive() {
                    #expect(verifier.channel.eventLoop.inEventLoop)
                    try await verifier.send(.status(status))
                }
                await verifier.close()
            }
            for number in UInt64(0)..<100 {
                let status = Status(.ok, "\(number)", round: number)
                try await agent.send(.status(status))
                #expect(try await agent.receive() == .status(status))
            }
            await agent.close()
            try await echo.value
        }
    }

    @Test("a flood of small messages arrives in order") func flood() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            let bytes = try (0..<2000).flatMap { number in
                Array(try AgentMessage.logShard(Self.shard(3, number)).frame(limit: 4 << 20).readableBytesView)
            }
            async let sending: Void = agent.sendRaw(bytes)
            for number in UInt64(0)..<2000 {
                #expect(try await verifier.receive() == .logShard(Self.shard(3, number)))
            }
            try await sending
            await agent.close()
            await verifier.close()
        }
    }

    // MARK: Closing

    @Test("the last message reaches a peer that is still sending") func closeWhilePeerSends() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.send(.hello(Samples.hello))
            _ = try await verifier.receive()
            let sending = Task {
                while true { try await agent.send(.logShard(Self.shard(1 << 20))) }
            }
            _ = try await verifier.receive()
            // At once with the receiving: the agent reads close_notify only when it asks for what follows the status.
            async let closing: Void = verifier.close(sending: .status(Samples.status))
            #expect(try await agent.receive() == .status(Samples.status))
            #expect(try await agent.receive() == nil)
            await closing
            let error = try await transportError { try await sending.value }
            #expect(error == .closed)
            await agent.close()
        }
    }

    @Test("close ends both sides at once, once the peer has received") func closeIsPrompt() async throws {
        var patient = TransportLimits.dialing
        patient.closeTimeout = .seconds(300)
        try await Loopback.run { [patient] loopback in
            // Longer than this test may run.
            let (agent, verifier) = try await loopback.connect(limits: patient)
            let receiving = Task { (try await verifier.receive(), try await verifier.receive()) }
            await agent.close(sending: .status(Samples.status))
            #expect(try await receiving.value == (.status(Samples.status), nil))
            #expect(try await transportError { try await verifier.send(.status(Samples.status)) } == .closed)
            #expect(try await transportError { try await agent.receive() } == .closed)
            await agent.close()
            await verifier.close()
        }
    }

    @Test("close doesn't wait longer than its time for a peer that doesn't answer") func closeTimeout() async throws {
        var limits = TransportLimits()
        limits.closeTimeout = .milliseconds(100)
        try await Loopback.run(limits: limits) { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.channel.setOption(.autoRead, value: false).get()
            await verifier.close()
            agent.abort()
        }
    }

    @Test("abort is seen as a broken connection") func abort() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            agent.abort()
            #expect(try await transportError { try await verifier.receive() }.tlsCode == .closedWithoutNotify)
            await verifier.close()
        }
    }

    @Test("a connection that nobody holds any more closes") func dropped() async throws {
        try await Loopback.run { loopback in
            var agent: AgentConnection? = try await loopback.dial()
            let verifier = try await loopback.accept()
            #expect(agent != nil)
            agent = nil
            #expect(try await verifier.receive() == nil)
            await verifier.close()
        }
    }

    @Test("a closed listener ends its sequence and leaves its connections alone") func listenerCloses() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            await loopback.listener.close()
            var iterator = loopback.listener.connections.makeAsyncIterator()
            #expect(await iterator.next() == nil)
            try await agent.send(.hello(Samples.hello))
            #expect(try await verifier.receive() == .hello(Samples.hello))
            await agent.close()
            await verifier.close()
        }
    }

    @Test("a cancelled task stops waiting, and the connection goes on") func cancellation() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            for delay in [Duration.zero, .milliseconds(20)] {
                let waiting = Task { try await verifier.receive() }
                try await Task.sleep(for: delay)
                waiting.cancel()
                #expect(try await transportError { try await waiting.value } == .cancelled)
            }
            try await agent.send(.hello(Samples.hello))
            #expect(try await verifier.receive() == .hello(Samples.hello))
            try await agent.send(.logShard(Self.shard(100_000)))
            #expect(try await verifier.receive() == .logShard(Self.shard(100_000)))
            await agent.close()
            await verifier.close()
        }
    }
}
