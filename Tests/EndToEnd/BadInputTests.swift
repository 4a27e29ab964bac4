import AssayCrypto
import Attester
import Messages
import Server
import StandInKernel
import Store
import TPM
import TPMDevice
import Testing

@testable import Transport

/// What a hostile agent does, and what it is told.
struct BadInput: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: Status.Code
    /// A word of the sentence.
    let says: String
    let act: @Sendable (RawAgent) async throws -> Void

    init(
        _ testDescription: String, _ code: Status.Code, says: String,
        _ act: @escaping @Sendable (RawAgent) async throws -> Void
    ) {
        self.testDescription = testDescription
        self.code = code
        self.says = says
        self.act = act
    }

    static let all = frames + order + hellos + quotes + shards

    static let frames = [
        BadInput("a wrong frame flag", .invalidArgument, says: "flags 1") { agent in
            try await agent.send(raw: [1, 0, 0, 0, 0])
        },
        BadInput("a first frame over 64 KiB", .resourceExhausted, says: "65537 bytes") { agent in
            try await agent.send(raw: [0, 0, 1, 0, 1])
        },
        BadInput("a later frame over 4 MiB", .resourceExhausted, says: "4194305 bytes") { agent in
            _ = try await agent.greet()
            try await agent.send(raw: [0, 0, 0x40, 0, 1])
        },
        BadInput("a message without a body", .invalidArgument, says: "no body") { agent in
            try await agent.send(raw: [0, 0, 0, 0, 0])
        },
        BadInput("a message of tomorrow", .unimplemented, says: "body 31") { agent in
            try await agent.send(raw: [0, 0, 0, 0, 3, 0xfa, 1, 0])
        },
        BadInput("no protobuf, where Evidence is due", .invalidArgument, says: "not a message") { agent in
            _ = try await agent.greet()
            try await agent.send(raw: [0, 0, 0, 0, 4, 0xde, 0xad, 0xbe, 0xef])
        },
    ]

    static let order = [
        BadInput("LogShard before Hello", .invalidArgument, says: "Hello was awaited") { agent in
            let round = Challenge(
                round: 1, nonce: [], banks: [], pcrs: PCRSet([10]), firstRecord: 0, shardBytes: 0, window: 0)
            try await agent.send(.logShard(try agent.shard(for: round)))
        },
        BadInput("Hello twice", .invalidArgument, says: "Evidence of round 1 was awaited") { agent in
            _ = try await agent.greet()
            try await agent.send(.hello(try await agent.hello()))
        },
        BadInput("LogShard before Evidence", .invalidArgument, says: "Evidence of round 1 was awaited") { agent in
            try await agent.send(.logShard(try agent.shard(for: try await agent.greet())))
        },
        BadInput("Evidence twice", .invalidArgument, says: "LogShard of round 1 was awaited") { agent in
            let evidence = try await agent.evidence(for: try await agent.greet())
            try await agent.send(.evidence(evidence))
            try await agent.send(.evidence(evidence))
        },
        BadInput("Evidence of another round", .invalidArgument, says: "Evidence of round 1 was awaited") { agent in
            var evidence = try await agent.evidence(for: try await agent.greet())
            evidence.round += 1
            try await agent.send(.evidence(evidence))
        },
        BadInput("a message of joining", .invalidArgument, says: "Hello was awaited") { agent in
            let secret = Secret([UInt8](repeating: 0, count: 32))
            try await agent.send(.credentialResponse(CredentialResponse(secret: secret)))
        },
    ]

    static let hellos = [
        BadInput("Hello with another agent's id", .permissionDenied, says: "tls.certificate") { agent in
            var hello = try await agent.hello()
            hello.agentID = Array("web-2".utf8)
            try await agent.send(.hello(hello))
        },
        BadInput("Hello of another protocol", .failedPrecondition, says: "version 2") { agent in
            var hello = try await agent.hello()
            hello.protocolVersion = 2
            try await agent.send(.hello(hello))
        },
        BadInput("Hello without a bank that may be quoted", .failedPrecondition, says: "banks") { agent in
            var hello = try await agent.hello()
            hello.banks = [.sha1]
            try await agent.send(.hello(hello))
        },
        BadInput("Hello with another attestation key", .failedPrecondition, says: "enrolled") { agent in
            var hello = try await agent.hello()
            hello.attestationKeyName[5] ^= 1
            try await agent.send(.hello(hello))
        },
    ]

    static let quotes = [
        BadInput("a quote over another nonce", .unauthenticated, says: "nonce") { agent in
            let challenge = try await agent.greet()
            let quote = try await agent.world.host.device.quote(
                qualifyingData: [UInt8](repeating: 7, count: 32), selection: challenge.selection)
            try await agent.send(.evidence(try agent.evidence(quote, for: challenge)))
        },
        BadInput("a quote over the bare nonce, not bound to the connection", .unauthenticated, says: "nonce") { agent in
            let challenge = try await agent.greet()
            let quote = try await agent.world.host.device.quote(
                qualifyingData: challenge.nonce, selection: challenge.selection)
            try await agent.send(.evidence(try agent.evidence(quote, for: challenge)))
        },
        BadInput("a quote bound to another connection", .unauthenticated, says: "nonce") { agent in
            let challenge = try await agent.greet()
            let data = QuoteBinding.qualifyingData(
                nonce: challenge.nonce, agentID: Array(Host.id.utf8),
                attestationKeyName: try agent.world.host.attestationKeyName(),
                exporter: [UInt8](repeating: 7, count: 32))
            let quote = try await agent.world.host.device.quote(qualifyingData: data, selection: challenge.selection)
            try await agent.send(.evidence(try agent.evidence(quote, for: challenge)))
        },
        BadInput("a quote of fewer PCRs", .unauthenticated, says: "selection") { agent in
            let challenge = try await agent.greet()
            let quote = try await agent.world.host.device.quote(
                qualifyingData: try agent.qualifyingData(for: challenge),
                selection: PCRSelection([.init(.sha256, PCRSet([10]))]))
            try await agent.send(.evidence(try agent.evidence(quote, for: challenge)))
        },
        BadInput("PCR values that weren't quoted", .unauthenticated, says: "pcr_digest_mismatch") { agent in
            let challenge = try await agent.greet()
            var evidence = try await agent.evidence(for: challenge)
            evidence.pcrValues[.sha256, 10] = Digest(repeating: 7, count: 32)
            try await agent.send(.evidence(evidence))
        },
        BadInput("a quote by another key of the same TPM", .unauthenticated, says: "bad_quote_signature") { agent in
            let challenge = try await agent.greet()
            let device = agent.world.host.device
            try await device.loadAttestationKey(try await device.createAttestationKey(.p256))
            try await agent.send(.evidence(try await agent.evidence(for: challenge)))
        },
        BadInput("a signature with a flipped bit", .unauthenticated, says: "bad_quote_signature") { agent in
            var evidence = try await agent.evidence(for: try await agent.greet())
            evidence.signature[evidence.signature.count - 1] ^= 1
            try await agent.send(.evidence(evidence))
        },
        BadInput("a quote that ends in its middle", .unauthenticated, says: "bad_quote_signature") { agent in
            var evidence = try await agent.evidence(for: try await agent.greet())
            evidence.attest.removeLast(10)
            try await agent.send(.evidence(evidence))
        },
        BadInput("a log over the limit", .outOfRange, says: "bytes") { agent in
            var evidence = try await agent.evidence(for: try await agent.greet())
            evidence.logBytes = .max
            try await agent.send(.evidence(evidence))
        },
    ]

    static let shards = [
        BadInput("a shard that leaves records out, twice", .invalidArgument, says: "record 0 is next") { agent in
            let challenge = try await agent.accepted()
            try await agent.send(.logShard(try agent.shard(for: challenge, from: 1)))
            let again = try await agent.challenge()
            try await agent.send(.evidence(try await agent.evidence(for: again)))
            try await agent.send(.logShard(try agent.shard(for: again, from: 1)))
        },
        BadInput("the same shard twice", .invalidArgument, says: "record 5 is next") { agent in
            let challenge = try await agent.accepted()
            let shard = try agent.shard(for: challenge, count: 5)
            try await agent.send(.logShard(shard))
            try await agent.send(.logShard(shard))
        },
        BadInput("a shard that cuts a record in half", .invalidArgument, says: "whole records") { agent in
            let challenge = try await agent.accepted()
            var shard = try agent.shard(for: challenge, count: 5)
            shard.records.removeLast(20)
            try await agent.send(.logShard(shard))
        },
        BadInput("a shard with more records than it says", .invalidArgument, says: "whole records") { agent in
            let challenge = try await agent.accepted()
            var shard = try agent.shard(for: challenge, count: 5)
            shard.recordCount = 4
            try await agent.send(.logShard(shard))
        },
        BadInput("a shard beyond log_end", .invalidArgument, says: "round's end at record 5") { agent in
            let challenge = try await agent.greet()
            var evidence = try await agent.evidence(for: challenge)
            evidence.logEnd = 5
            try await agent.send(.evidence(evidence))
            try await agent.send(.logShard(try agent.shard(for: challenge, count: 6)))
        },
        BadInput("the last shard with more_data_pending", .invalidArgument, says: "more_data_pending") { agent in
            let challenge = try await agent.accepted()
            var shard = try agent.shard(for: challenge)
            shard.moreDataPending = true
            try await agent.send(.logShard(shard))
        },
        BadInput("a shard before the last without more_data_pending", .invalidArgument, says: "more_data_pending") {
            agent in
            let challenge = try await agent.accepted()
            var shard = try agent.shard(for: challenge, count: 5)
            shard.moreDataPending = false
            try await agent.send(.logShard(shard))
        },
        BadInput("a shard without records, where records are due", .invalidArgument, says: "more_data_pending") {
            agent in
            let challenge = try await agent.accepted()
            try await agent.send(.logShard(try agent.shard(for: challenge, count: 0)))
        },
        BadInput("a shard larger than asked for", .invalidArgument, says: "were asked for") { agent in
            let challenge = try await agent.accepted()
            var shard = try agent.shard(for: challenge, count: 5)
            shard.records += [UInt8](repeating: 0, count: Int(challenge.shardBytes))
            try await agent.send(.logShard(shard))
        },
        BadInput("a shard of a round to come", .invalidArgument, says: "LogShard of round 1 was awaited") { agent in
            let challenge = try await agent.accepted()
            var shard = try agent.shard(for: challenge)
            shard.round += 1
            try await agent.send(.logShard(shard))
        },
    ]
}

extension RawAgent {
    /// Comes to the point where the verifier awaits shards.
    func accepted() async throws -> Challenge {
        let challenge = try await greet()
        try await send(.evidence(try await evidence(for: challenge)))
        return challenge
    }
}

extension World {
    /// An honest agent's attestation from start to end.
    @discardableResult
    fileprivate func attestOnce() async throws -> Attestation {
        try await attest(try await host.attester())
    }
}

extension EndToEnd {
    @Suite("Bad input over a real socket") struct BadInputTests {
        @Test("gets a Status, commits nothing and harms nobody", arguments: BadInput.all)
        func refused(input: BadInput) async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                let agent = try await RawAgent(world)
                let before = try world.snapshot()
                try await input.act(agent)
                let status = try await agent.status()
                #expect(status.code == input.code, "\(status)")
                #expect(status.message.contains(input.says), "\(status)")
                #expect(try await agent.connection.receive() == nil, "the connection is closed")
                await agent.connection.close()
                try await until("a log line that says so: \(world.log.all)") {
                    world.log.all.contains { $0.contains("agent=web-1") && $0.contains(input.says) }
                }
                let after = try world.snapshot()
                #expect(after.state == before.state && after.verdict == before.verdict)
                #expect(try await world.attestOnce().result.tier == .affirming)
            }
        }

        @Test("a frame that is cut off is logged; nothing is committed, and nobody is harmed") func truncated()
            async throws
        {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                let agent = try await RawAgent(world)
                _ = try await agent.greet()
                try await agent.send(raw: [0, 0, 0, 0, 100, 1, 2, 3])
                await agent.connection.close()
                try await until("a log line") { world.log.all.contains { $0.contains("8 of 105 bytes") } }
                #expect(try world.snapshot().verdict == nil)
                #expect(try await world.attestOnce().result.tier == .affirming)
            }
        }

        @Test("a log that ends before the record asked for is refused, and the position is kept")
        func endsEarly() async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                try await world.attestOnce()
                let before = try world.snapshot()
                let agent = try await RawAgent(world)
                var evidence = try await agent.evidence(for: try await agent.greet())
                evidence.logEnd = 9
                try await agent.send(.evidence(evidence))
                let status = try await agent.status()
                #expect(status.code == .outOfRange && status.message.contains("records 10 to 9"), "\(status)")
                await agent.connection.close()
                let after = try world.snapshot()
                #expect(after.state == before.state && after.verdict == before.verdict)
            }
        }

        @Test("a connection that breaks without a word commits nothing") func broken() async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                let agent = try await RawAgent(world)
                let challenge = try await agent.accepted()
                try await agent.send(.logShard(try agent.shard(for: challenge, count: 5)))
                agent.connection.abort()
                try await until("a log line") { world.log.all.contains { $0.contains("connection failed") } }
                #expect(try world.snapshot().verdict == nil)
                #expect(try await world.attestOnce().result.tier == .affirming)
            }
        }

        @Test("an agent that owes Evidence is not waited for without end") func silent() async throws {
            var settings = World.smallShards
            settings.evidenceSeconds = 1
            try await World.run(settings, measured: try KernelLogs.prefix(10)) { world in
                let agent = try await RawAgent(world)
                _ = try await agent.greet()
                let status = try await agent.status()
                #expect(status.code == .deadlineExceeded)
                #expect(status.message.contains("Evidence"))
                await agent.connection.close()
                #expect(try world.snapshot().verdict == nil)
            }
        }

        @Test("a peer without a certificate of ours gets nowhere", arguments: [nil, "nameless", "stranger"])
        func certificate(name: String?) async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                let result = await Result.of {
                    // With TLS 1.3 the client's handshake may be over before the server has looked at it.
                    let connection = try await world.dial(name)
                    try? await connection.send(
                        .hello(
                            Hello(
                                agentID: Array(Host.id.utf8), attestationKeyName: [], nextRecord: 0, banks: [.sha256],
                                maximumShardBytes: 1 << 20)))
                    return try await connection.receive()
                }
                switch result {
                case .success(.status(let status)): #expect(status.code == .unauthenticated)
                case .success(let message): Issue.record("\(String(describing: message))")
                case .failure(let error): #expect("\(error)".contains("TLS"), "\(error)")
                }
                try await until("a log line") { world.log.all.contains { $0.contains("connection refused") } }
                #expect(try world.snapshot().verdict == nil)
                #expect(try await world.attestOnce().result.tier == .affirming)
            }
        }
    }
}
