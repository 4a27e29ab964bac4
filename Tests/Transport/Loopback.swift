import Messages
import NIOCore
import NIOPosix
import Testing

@testable import Transport

/// Two ends of real TLS connections over the loopback interface.
struct Loopback {
    let listener: AssayListener
    let contexts: TestContexts
    let failures: AsyncStream<TransportError>

    static let group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

    /// Listens for the body's duration.
    static func run(
        _ context: KeyPath<TestContexts, TLSContext> = \.verifier, limits: TransportLimits = TransportLimits(),
        _ body: (Loopback) async throws -> Void
    ) async throws {
        let contexts = try TestContexts.shared.get()
        let (failures, continuation) = AsyncStream.makeStream(of: TransportError.self)
        let server = contexts[keyPath: context]
        let listener = try await AssayListener.bind(
            host: "127.0.0.1", port: 0, context: { server }, group: group, limits: limits,
            onFailure: { _, error in continuation.yield(error) })
        do {
            try await body(Loopback(listener: listener, contexts: contexts, failures: failures))
        } catch {
            await listener.close()
            throw error
        }
        await listener.close()
    }

    func dial(
        _ context: KeyPath<TestContexts, TLSContext> = \.agent, serverName: String? = nil,
        limits: TransportLimits = .dialing
    ) async throws(TransportError) -> AgentConnection {
        try await AssayDialer.connect(
            host: "127.0.0.1", port: listener.port, context: contexts[keyPath: context], serverName: serverName,
            group: Self.group, limits: limits)
    }

    func accept() async throws -> VerifierConnection {
        var iterator = listener.connections.makeAsyncIterator()
        return try #require(await iterator.next())
    }

    /// Both ends of one connection.
    func connect(limits: TransportLimits = .dialing) async throws -> (
        agent: AgentConnection, verifier: VerifierConnection
    ) {
        let agent = try await dial(limits: limits)
        return (agent, try await accept())
    }

    /// Why the next connection that failed did.
    func nextFailure() async throws -> TransportError {
        var iterator = failures.makeAsyncIterator()
        return try #require(await iterator.next())
    }

    /// A plain TCP connection to the listener.
    func dialWithoutTLS() async throws -> any Channel {
        try await ClientBootstrap(group: Self.group).connect(host: "127.0.0.1", port: listener.port).get()
    }
}

extension Connection {
    /// Sends bytes that are no frame of ours.
    func sendRaw(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }
}

/// The error that a call throws; records an issue if it doesn't.
func transportError<Value>(
    _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> Value
) async throws -> TransportError {
    do {
        let value = try await body()
        Issue.record("expected an error, got \(value)", sourceLocation: location)
        return .closed
    } catch let error as TransportError {
        return error
    }
}

extension TransportError {
    var tlsCode: TLSError.Code? {
        guard case .tls(let error) = self else { return nil }
        return error.code
    }
}
