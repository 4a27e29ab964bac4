import Messages
import NIOCore
import Testing

@testable import Transport

@Suite("A hostile peer", .timeLimit(.minutes(1))) struct HostilePeerTests {
    /// What an agent sends, how the verifier sees it, and what the agent is told.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let error: TransportError
        let answer: Status.Code
    }

    private static let hello: [UInt8] = {
        (try? AgentMessage.hello(Samples.hello).frame(limit: 4 << 20)).map { Array($0.readableBytesView) } ?? []
    }()

    static let cases = [
        Case(
            testDescription: "flags", bytes: [1, 0, 0, 0, 0], error: .frame(.flags(1)), answer: .invalidArgument),
        Case(
            testDescription: "the largest length", bytes: [0, 0xff, 0xff, 0xff, 0xff],
            error: .frame(.tooLong(length: Int(UInt32.max), limit: 64 << 10)), answer: .resourceExhausted),
        Case(
            testDescription: "a first message over 64 KiB", bytes: [0, 0, 1, 0, 1],
            error: .frame(.tooLong(length: 64 << 10 + 1, limit: 64 << 10)), answer: .resourceExhausted),
        Case(
            testDescription: "an empty message", bytes: [0, 0, 0, 0, 0],
            error: .message(MessageError(.empty, in: "AgentMessage")), answer: .invalidArgument),
        Case(
            testDescription: "a message of tomorrow", bytes: [0, 0, 0, 0, 3, 0xfa, 1, 0],
            error: .message(MessageError(.unknownMessage(31), in: "AgentMessage")), answer: .unimplemented),
        Case(
            testDescription: "no protobuf", bytes: [0, 0, 0, 0, 4, 0xde, 0xad, 0xbe, 0xef],
            error: .message(MessageError(.malformed, in: "AgentMessage")), answer: .invalidArgument),
        Case(
            testDescription: "a request in plain HTTP", bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8),
            error: .frame(.flags(0x47)), answer: .invalidArgument),
    ]

    @Test("gets a Status and is closed", arguments: cases)
    func refused(hostile: Case) async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.sendRaw(hostile.bytes)
            let error = try await transportError { try await verifier.receive() }
            #expect(error == hostile.error)
            #expect(try await transportError { try await verifier.receive() } == hostile.error)
            async let closing: Void = verifier.close(sending: .status(error.status))
            guard case .status(let status) = try await agent.receive() else {
                Issue.record("no Status")
                return
            }
            #expect(status.code == hostile.answer)
            #expect(try await agent.receive() == nil)
            await closing
            await agent.close()
        }
    }

    @Test(
        "that behaves first is refused later",
        arguments: cases.filter { $0.testDescription != "a first message over 64 KiB" })
    func refusedLater(hostile: Case) async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.sendRaw(Self.hello + hostile.bytes)
            #expect(try await verifier.receive() == .hello(Samples.hello))
            let error = try await transportError { try await verifier.receive() }
            #expect(error.status.code == hostile.answer)
            await verifier.close(sending: .status(error.status))
            await agent.close()
        }
    }

    @Test("a large message may stand right behind the first one") func limitRises() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            var shard = Samples.shard
            shard.records = [UInt8](repeating: 7, count: 100_000)
            let frame = try AgentMessage.logShard(shard).frame(limit: 4 << 20)
            try await agent.sendRaw(Self.hello + Array(frame.readableBytesView))
            #expect(try await verifier.receive() == .hello(Samples.hello))
            #expect(try await verifier.receive() == .logShard(shard))
            await agent.close()
            await verifier.close()
        }
    }

    @Test("that closes inside a frame is told apart from one that closes between two", arguments: [true, false])
    func truncated(properly: Bool) async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.sendRaw(Self.hello + [0, 0, 0, 0, 9, 1, 2])
            if properly { await agent.close() } else { agent.abort() }
            #expect(try await verifier.receive() == .hello(Samples.hello))
            let error = try await transportError { try await verifier.receive() }
            #expect(error == .frame(.truncated(needed: 14, received: 7)))
            await verifier.close()
        }
    }

    // MARK: Time

    @Test("that owes a message is given its time") func deadline() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.send(.hello(Samples.hello))
            _ = try await verifier.receive()
            verifier.setDeadline(.milliseconds(100), awaiting: "Evidence")
            let error = try await transportError { try await verifier.receive() }
            #expect(
                error == .deadlineExceeded(DeadlineExceeded(awaited: "Evidence", waited: .milliseconds(100))))
            #expect(error.status.code == .deadlineExceeded)
            await verifier.close(sending: .status(error.status))
            guard case .status(let status) = try await agent.receive() else {
                Issue.record("no Status")
                return
            }
            #expect(status.code == .deadlineExceeded)
            await agent.close()
        }
    }

    @Test("that answers in time, or owes nothing any more, is left in peace") func deadlineMet() async throws {
        try await Loopback.run { loopback in
            let (agent, verifier) = try await loopback.connect()
            verifier.setDeadline(.milliseconds(300), awaiting: "Hello")
            try await agent.send(.hello(Samples.hello))
            #expect(try await verifier.receive() == .hello(Samples.hello))
            verifier.setDeadline(.milliseconds(50), awaiting: "Evidence")
            verifier.setDeadline(.seconds(30), awaiting: "LogShard")
            try await Task.sleep(for: .milliseconds(400))
            verifier.setDeadline(.milliseconds(50), awaiting: "Evidence")
            verifier.clearDeadline()
            try await Task.sleep(for: .milliseconds(100))
            try await agent.send(.evidence(Samples.evidence))
            #expect(try await verifier.receive() == .evidence(Samples.evidence))
            await agent.close()
            await verifier.close()
        }
    }

    @Test("that says nothing after the handshake is given up") func silent() async throws {
        var limits = TransportLimits()
        limits.firstMessageTimeout = .milliseconds(100)
        try await Loopback.run(limits: limits) { loopback in
            let (agent, verifier) = try await loopback.connect()
            let error = try await transportError { try await verifier.receive() }
            #expect(
                error == .deadlineExceeded(DeadlineExceeded(awaited: "first message", waited: .milliseconds(100))))
            await verifier.close()
            await agent.close()
        }
    }

    @Test("that drips a frame is given up, though each byte comes soon") func slowLoris() async throws {
        var limits = TransportLimits()
        limits.transferGrace = .milliseconds(300)
        try await Loopback.run(limits: limits) { loopback in
            let (agent, verifier) = try await loopback.connect()
            try await agent.sendRaw(Self.hello)
            _ = try await verifier.receive()
            try await agent.sendRaw([0, 0, 0, 4, 0])
            let dripping = Task {
                for _ in 0..<1024 {
                    try await agent.sendRaw([1])
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            let error = try await transportError { try await verifier.receive() }
            guard case .deadlineExceeded(let exceeded) = error else {
                Issue.record("another error: \(error)")
                return
            }
            #expect(exceeded.awaited == "end of a frame of 1029 bytes")
            #expect(exceeded.waited == limits.transferTime(1029))
            dripping.cancel()
            await verifier.close(sending: .status(error.status))
            await agent.close()
        }
    }

    @Test("that doesn't take what it is sent is given up") func slowReader() async throws {
        var limits = TransportLimits()
        limits.transferGrace = .milliseconds(200)
        limits.minimumBytesPerSecond = 1 << 30
        limits.closeTimeout = .milliseconds(100)
        try await Loopback.run(limits: limits) { loopback in
            let (agent, verifier) = try await loopback.connect()
            let path = [UInt8](repeating: 1, count: 3 << 20)
            let finding = ReportedFinding(
                reason: "", record: nil, path: path, found: "", expected: "", remedy: "", isWarning: false)
            let result = AttestationResult(round: 1, tier: .none, nextRecord: 0, findings: [finding])
            let error = try await transportError {
                for _ in 0..<1000 { try await verifier.send(.attestationResult(result)) }
            }
            #expect(error == .closed)
            let reason = try await transportError { try await verifier.receive() }
            #expect(reason.status.code == .deadlineExceeded)
            agent.abort()
        }
    }
}
