import Attester
import Bytes
import Messages
import NIOCore
import StandInKernel
import TPM
import TPMDevice
import Testing

@testable import Transport

/// An agent that a test leads by the hand: honest in every message that it makes, whatever the test makes of it.
struct RawAgent: Sendable {
    let world: World
    let connection: AgentConnection

    /// Connects; the host's key is loaded.
    init(_ world: World, as certificate: String? = "agent") async throws {
        self.world = world
        try await world.host.device.loadAttestationKey(world.host.key)
        connection = try await world.dial(certificate)
    }

    func send(_ message: AgentMessage) async throws { try await connection.send(message) }

    /// Sends bytes that need not be a frame.
    func send(raw bytes: [UInt8]) async throws {
        try await connection.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func hello() async throws -> Hello {
        let clock = try await world.host.device.readClock()
        return Hello(
            agentID: Array(Host.id.utf8), attestationKeyName: try world.host.attestationKeyName(),
            nextRecord: try KernelRecords.count(try world.host.log()),
            banks: try await world.host.device.activeBanks(), maximumShardBytes: 1 << 20,
            resetCount: clock.resetCount, restartCount: clock.restartCount)
    }

    /// Says Hello, and waits for the Challenge.
    func greet() async throws -> Challenge {
        try await send(.hello(try await hello()))
        return try await challenge()
    }

    func challenge() async throws -> Challenge {
        guard case .challenge(let challenge) = try await next() else { throw Unexpected("no Challenge") }
        return challenge
    }

    func result() async throws -> AttestationResult {
        guard case .attestationResult(let result) = try await next() else { throw Unexpected("no AttestationResult") }
        return result
    }

    func status() async throws -> Status {
        guard case .status(let status) = try await next() else { throw Unexpected("no Status") }
        return status
    }

    /// The next message that isn't a credit.
    private func next() async throws -> VerifierMessage {
        while let message = try await connection.receive() {
            if case .shardCredit = message { continue }
            return message
        }
        throw Unexpected("the verifier closed")
    }

    func qualifyingData(for challenge: Challenge) throws -> [UInt8] {
        QuoteBinding.qualifyingData(
            nonce: challenge.nonce, agentID: Array(Host.id.utf8),
            attestationKeyName: try world.host.attestationKeyName(), exporter: connection.peer.exporter)
    }

    func quote(for challenge: Challenge) async throws -> Quote {
        try await world.host.device.quote(
            qualifyingData: try qualifyingData(for: challenge), selection: challenge.selection)
    }

    func evidence(for challenge: Challenge) async throws -> Evidence {
        try evidence(try await quote(for: challenge), for: challenge)
    }

    /// Evidence whose quote need not be what was asked for.
    func evidence(_ quote: Quote, for challenge: Challenge) throws -> Evidence {
        let log = try world.host.log()
        let asked = try KernelRecords.cut(log, from: challenge.firstRecord)
        return Evidence(
            round: challenge.round, attest: quote.attest, signature: quote.signature, pcrValues: quote.pcrValues,
            logEnd: try KernelRecords.count(log), logBytes: UInt64(asked.count))
    }

    /// One shard of what the log holds, and what would be said beside it.
    func shard(
        for challenge: Challenge, from first: UInt64? = nil, count: UInt64 = .max
    ) throws -> LogShard {
        let log = try world.host.log()
        let first = first ?? challenge.firstRecord
        let records = try KernelRecords.cut(log, from: first, count: count)
        let end = try KernelRecords.count(log)
        let sent = try KernelRecords.count(records)
        return LogShard(
            round: challenge.round, firstRecord: first, recordCount: UInt32(sent), records: records,
            moreDataPending: first + sent < end, recordsRemaining: end - min(end, first + sent), bytesRemaining: 0)
    }

    /// Evidence and the log, record by record if need be.
    func answer(_ challenge: Challenge, with quote: Quote? = nil) async throws {
        if let quote {
            try await send(.evidence(try evidence(quote, for: challenge)))
        } else {
            try await send(.evidence(try await evidence(for: challenge)))
        }
        var first = challenge.firstRecord
        while true {
            let shard = try shard(for: challenge, from: first, count: 20)
            try await send(.logShard(shard))
            guard shard.moreDataPending else { return }
            first += UInt64(shard.recordCount)
        }
    }
}
